//! Records through a real client of tonic, plain and compressed, and what is refused.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use super::*;
use crate::input::testing::{Memory, Running};

fn value(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    value(Value::StringValue(text.to_owned()))
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

fn nested(depth: usize) -> AnyValue {
    (0..depth).fold(text("x"), |inner, _| {
        value(Value::ArrayValue(ArrayValue {
            values: vec![inner],
        }))
    })
}

fn request(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: vec![pair("service.name", text("shop"))],
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs {
                scope: Some(InstrumentationScope {
                    name: "lib".to_owned(),
                    version: "2".to_owned(),
                    ..InstrumentationScope::default()
                }),
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

fn record(body: AnyValue) -> LogRecord {
    LogRecord {
        body: Some(body),
        ..LogRecord::default()
    }
}

/// An input that listens, and a client of it.
async fn start(outlet: &Memory) -> (Running, LogsServiceClient<Channel>) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let config = format!("type = \"otlp\"\nname = \"o\"\naddress = \"{address}\"");
    let running = Running::start(&config, outlet);
    let channel = loop {
        let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    (running, LogsServiceClient::new(channel))
}

#[tokio::test]
async fn a_record_becomes_an_event_with_all_it_says() {
    let outlet = Memory::default();
    let (running, client) = start(&outlet).await;
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    let full = LogRecord {
        time_unix_nano: 1_790_000_000_000_000_005,
        observed_time_unix_nano: 7,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(text("it happened")),
        attributes: vec![
            pair("user", text("ada")),
            pair("count", value(Value::IntValue(3))),
            pair("bytes", value(Value::BytesValue(vec![0xff, 0]))),
        ],
        dropped_attributes_count: 2,
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
        event_name: "login".to_owned(),
        ..LogRecord::default()
    };
    let answer = client
        .export(request(vec![full]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.partial_success, None);
    let event = outlet.external().remove(0);
    assert_eq!(
        (event.source.as_str(), event.position.as_str()),
        ("otlp:o", "1.1")
    );
    assert_eq!(event.raw, "it happened");
    let observed = event.observed_at.unwrap();
    assert_eq!((observed.seconds, observed.nanos), (1_790_000_000, 5));
    for (name, value) in [
        ("attr.bytes", "ff00"),
        ("attr.count", "3"),
        ("attr.user", "ada"),
        ("body", "text"),
        ("dropped_attributes", "2"),
        ("event_name", "login"),
        ("resource.service.name", "shop"),
        ("scope.name", "lib"),
        ("scope.version", "2"),
        ("severity", "INFO"),
        ("severity_number", "9"),
        ("span_id", "0101010101010101"),
        ("trace_id", "abababababababababababababababab"),
    ] {
        assert_eq!(event.fields[name], value, "{name}");
    }
    assert!(event.fields["peer.address"].starts_with("127.0.0.1:"));
    assert!(event.malformed.is_empty());
    drop(client);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_call_is_answered_when_its_records_are_durable() {
    let outlet = Memory::default();
    let (running, mut client) = start(&outlet).await;
    let disk = outlet.hold_disk().await;
    let call = tokio::spawn(async move { client.export(request(vec![record(text("one"))])).await });
    outlet.holds(1).await;
    // Whatever else can happen, happens.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    drop(disk);
    call.await.unwrap().unwrap();
    running.stop().await.unwrap();
}

#[test]
fn bodies_are_text_bytes_or_json() {
    let list = KeyValueList {
        values: vec![
            pair("a", value(Value::BoolValue(true))),
            pair("a", value(Value::DoubleValue(0.5))),
            pair("nan", value(Value::DoubleValue(f64::NAN))),
            pair("none", AnyValue::default()),
            pair("hex", value(Value::BytesValue(vec![1]))),
        ],
    };
    for (value, raw, kind) in [
        (text("x"), "x", Body::Text),
        (value(Value::BytesValue(b"y".to_vec())), "y", Body::Bytes),
        (value(Value::IntValue(-7)), "-7", Body::Json),
        (AnyValue::default(), "null", Body::Json),
        (nested(2), "[[\"x\"]]", Body::Json),
        (
            value(Value::KvlistValue(list)),
            r##"{"a":true,"a#":0.5,"hex":"01","nan":"NaN","none":null}"##,
            Body::Json,
        ),
    ] {
        let (bytes, found) = body(&value).unwrap();
        assert_eq!(
            (String::from_utf8(bytes).unwrap().as_str(), found),
            (raw, kind)
        );
    }
    assert!(body(&nested(32)).is_ok());
    assert_eq!(body(&nested(33)), Err(TextError::TooDeep));
}

#[tokio::test]
async fn refused_records_are_told_to_the_sender_and_to_the_ledger() {
    let outlet = Memory::default();
    let (running, mut client) = start(&outlet).await;
    let records = vec![
        record(text("one")),
        LogRecord::default(),
        record(nested(40)),
        LogRecord {
            trace_id: vec![1],
            ..record(text("two"))
        },
    ];
    let answer = client.export(request(records)).await.unwrap().into_inner();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 2);
    assert!(
        partial.error_message.contains("got an empty one"),
        "{partial:?}"
    );
    let said = outlet.said();
    assert_eq!(said[0], "one");
    assert!(
        said[1].starts_with("two (expected 16 bytes in `trace_id`, got 1"),
        "{said:?}"
    );
    assert!(
        said[2].starts_with("gap of 2: records were refused"),
        "{said:?}"
    );
    let many = vec![record(text("x")); crate::limits::MAX_OTLP_RECORDS + 5];
    let answer = client.export(request(many)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_log_records, 5);
    let large = request(vec![record(text(&"x".repeat(5_000_000)))]);
    let refused = client.export(large).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::OutOfRange, "{refused}");
    drop(client);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_outlet_that_closes_is_unavailable_and_ends_the_input() {
    let outlet = Memory::default().with_room(1);
    let (running, mut client) = start(&outlet).await;
    let records = vec![record(text("one")), record(text("two"))];
    let refused = client.export(request(records)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    drop(client);
    assert!(matches!(running.end().await, Err(InputError::Outlet(_))));
}

#[tokio::test]
async fn a_connection_that_stays_open_does_not_hold_the_agent() {
    let outlet = Memory::default();
    let (running, mut client) = start(&outlet).await;
    client
        .export(request(vec![record(text("one"))]))
        .await
        .unwrap();
    running.stop().await.unwrap();
    assert_eq!(outlet.said(), ["one"]);
}
