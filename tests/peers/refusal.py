#!/usr/bin/env python3
"""Makes a call that the ledger refuses, and prints what a client in another language sees of the refusal.

refusal.py HOST:PORT IDENTITY    prints code, domain, reason and hint as one JSON object

It reads google.rpc.Status by the rules of the protobuf wire format alone, so that no library hides a mistake.
"""
import json, pathlib, sys

import grpc
from countersign.v1 import log_pb2, log_pb2_grpc

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at

def fields(data):
    """Number and value of every field; only the wire types 0 and 2 are there."""
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        found.append((tag >> 3, value))
    return found

def error_info(status):
    """The google.rpc.ErrorInfo among the details of a google.rpc.Status."""
    for detail in (dict(fields(value)) for number, value in fields(status) if number == 3):
        if detail[1] == b"type.googleapis.com/google.rpc.ErrorInfo":
            info = fields(detail[2])
            pairs = (dict(fields(value)) for number, value in info if number == 3)
            return dict(info) | {"metadata": {pair[1].decode(): pair[2].decode() for pair in pairs}}
    sys.exit("the status carries no google.rpc.ErrorInfo")

def main(address, identity):
    folder = pathlib.Path(identity)
    tls = grpc.ssl_channel_credentials(*((folder / name).read_bytes()
                                         for name in ("ca.pem", "key.pem", "cert.pem")))
    with grpc.secure_channel(address, tls) as channel:
        log = log_pb2_grpc.LogServiceStub(channel)
        try:
            log.ListEntries(log_pb2.ListEntriesRequest(page_size=1001), timeout=30)
        except grpc.RpcError as error:
            info = error_info(dict(error.trailing_metadata())["grpc-status-details-bin"])
            print(json.dumps({"code": error.code().name, "reason": info[1].decode(),
                              "domain": info[2].decode(), "hint": info["metadata"]["hint"]}))
        else:
            sys.exit("the call was not refused")

if __name__ == "__main__":
    main(*sys.argv[1:])
