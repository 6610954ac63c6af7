#!/usr/bin/env python3
"""Receives log records with the service that OpenTelemetry publishes, and writes them down.

otlp_receiver.py PORT FILE    one JSON line for each record; every fifth call is answered "unavailable"
"""
import concurrent.futures, json, sys

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

def value(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))

def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}

class Receiver(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, path):
        self.out, self.calls = open(path, "a", encoding="utf-8"), 0

    def Export(self, request, context):
        self.calls += 1
        if self.calls % 5 == 0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        metadata = dict(context.invocation_metadata()).get("x-team")
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    self.out.write(json.dumps({
                        "time": record.time_unix_nano, "name": record.event_name,
                        "body": value(record.body), "attributes": attributes(record.attributes),
                        "resource": attributes(resource.resource.attributes), "metadata": metadata,
                    }) + "\n")
        self.out.flush()
        return logs_service_pb2.ExportLogsServiceResponse()

def main(port, path):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Receiver(path), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()

if __name__ == "__main__":
    main(*sys.argv[1:])
