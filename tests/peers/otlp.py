#!/usr/bin/env python3
"""Sends log records with the SDK of OpenTelemetry for Python, as an application does.

otlp.py HOST:PORT COUNT [CA]    sends COUNT records, one of them with everything a record can say; with CA over TLS

Prints `sent` once every call was answered. Exit code 1: a call was refused, or not answered in time.
"""
import logging, pathlib, sys

import grpc
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import TraceFlags

class Failures(logging.Handler):
    """What the exporter complains about: it does not raise."""
    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())

def main(address, count, ca=None):
    failures = Failures()
    logging.getLogger("opentelemetry").addHandler(failures)
    credentials = ca and grpc.ssl_channel_credentials(pathlib.Path(ca).read_bytes())
    exporter = OTLPLogExporter(endpoint=address, insecure=ca is None, credentials=credentials,
                               compression=grpc.Compression.Gzip, timeout=30)
    provider = LoggerProvider(resource=Resource({"service.name": "shop", "replicas": 3}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = provider.get_logger("payments", "2.1", attributes={"team": "orders"})
    logger.emit(LogRecord(
        timestamp=1790000000000000005, severity_text="WARN", severity_number=SeverityNumber.WARN,
        body="card was refused", event_name="payment.refused",
        trace_id=0xabcdef, span_id=0x42, trace_flags=TraceFlags(1),
        attributes={"user": "ada", "amount": 12.5, "retry": True, "codes": [5, 7]}))
    for number in range(2, int(count) + 1):
        logger.emit(LogRecord(timestamp=1790000000000000005, body={"number": number}))
    provider.shutdown()
    if failures.said:
        sys.exit("; ".join(failures.said))
    print("sent")

if __name__ == "__main__":
    main(*sys.argv[1:])
