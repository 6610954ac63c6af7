#!/usr/bin/env python3
"""Appends one event to a ledger, then follows the log and prints index and event of every entry.

client.py HOST:PORT IDENTITY KEY TEXT

IDENTITY is a folder that `countersign ca issue --role bot` wrote: of those who may append, bots, provisioners and
admins may follow too. KEY is the idempotency key of the event TEXT. docs/clients.md says how to make the stubs.
"""
import json, pathlib, sys

import grpc
from google.protobuf import text_format
from countersign.v1 import event_pb2, log_pb2, log_pb2_grpc

# The key makes it safe to append again when the outcome is not known: the answer is the first receipt then.
RETRY = {"maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
         "retryableStatusCodes": ["UNAVAILABLE"]}
CONFIG = {"methodConfig": [{"name": [{"service": "countersign.v1.LogService"}], "retryPolicy": RETRY}]}

def connect(address, identity):
    """A channel with mutual TLS; the server has to show a certificate of the ledger's own CA."""
    root, key, chain = (pathlib.Path(identity, name).read_bytes()
                        for name in ("ca.pem", "key.pem", "cert.pem"))
    tls = grpc.ssl_channel_credentials(root, private_key=key, certificate_chain=chain)
    return grpc.secure_channel(address, tls, options=[("grpc.service_config", json.dumps(CONFIG))])

def append(log, key, text):
    """Appends and waits until the entry is sealed: durable, signed, and visible to readers."""
    event = event_pb2.Event(external_event=event_pb2.ExternalEvent(source="client.py", raw=text.encode()))
    draft = log_pb2.EventDraft(event=event, idempotency_key=key)
    request = log_pb2.AppendRequest(draft=draft, wait_for=log_pb2.ACK_LEVEL_SEALED)
    return log.Append(request, timeout=30).receipt  # a call without a deadline is refused

def main(address, identity, key, text):
    with connect(address, identity) as channel:
        log = log_pb2_grpc.LogServiceStub(channel)
        receipt = append(log, key, text)
        print("entry", receipt.index, "again" if receipt.repeated else "appended", flush=True)
        for batch in log.Follow(log_pb2.FollowRequest(from_index=0)):  # until it is interrupted
            for entry in batch.entries:
                print(entry.index, text_format.MessageToString(entry.event, as_one_line=True), flush=True)

if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
