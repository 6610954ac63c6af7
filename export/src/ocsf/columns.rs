//! The columns of a Parquet file of one class. All that an event of the class can hold is there in
//! every file, so that files of a class always fit together.
//!
//! Lists and maps have the names inside that the Parquet specification wants; times are plain
//! milliseconds, as OCSF says. There is no object without attributes: Parquet has none.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use super::{Class, Version};

/// The columns of a class.
#[must_use]
pub fn schema(class: Class, version: Version) -> SchemaRef {
    let mut all = classification();
    all.extend([metadata(version), actor()]);
    all.extend(of_class(class, version));
    if version >= Version::V1_8 {
        all.extend(ruling(class));
    }
    all.push(list("observables", object("element", observable())));
    if version >= Version::V1_9 {
        all.push(list("attestation_list", object("element", attestation())));
    }
    all.push(text("raw_data"));
    if version >= Version::V1_8 {
        all.push(fingerprint("raw_data_hash", &[]));
    }
    all.push(flat("unmapped"));
    Arc::new(Schema::new(all))
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int32, true)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn flag(name: &str) -> Field {
    Field::new(name, DataType::Boolean, true)
}

fn object(name: &str, fields: impl Into<Fields>) -> Field {
    Field::new(name, DataType::Struct(fields.into()), true)
}

fn list(name: &str, element: Field) -> Field {
    Field::new(name, DataType::List(Arc::new(element)), true)
}

fn flat(name: &str) -> Field {
    let pair = vec![Field::new("key", DataType::Utf8, false), text("value")];
    let pair = Field::new("key_value", DataType::Struct(pair.into()), false);
    Field::new(name, DataType::Map(Arc::new(pair), false), true)
}

/// `time` comes first: files are sorted by it.
fn classification() -> Vec<Field> {
    vec![
        long("time"),
        int("activity_id"),
        text("activity_name"),
        int("category_uid"),
        text("category_name"),
        int("class_uid"),
        text("class_name"),
        long("type_uid"),
        text("type_name"),
        int("severity_id"),
        text("severity"),
        int("status_id"),
        text("status"),
        text("status_code"),
        text("status_detail"),
        long("start_time"),
        long("end_time"),
        text("message"),
    ]
}

fn metadata(version: Version) -> Field {
    let mut all = vec![
        text("version"),
        product("product"),
        list("profiles", text("element")),
        text("uid"),
    ];
    if version >= Version::V1_8 {
        all.push(text("original_event_uid"));
    }
    all.extend([
        text("correlation_uid"),
        text("event_code"),
        text("log_name"),
        text("log_provider"),
        text("original_time"),
        long("sequence"),
    ]);
    object("metadata", all)
}

fn product(name: &str) -> Field {
    let all = ["name", "uid", "vendor_name", "version"].map(text);
    object(name, all.to_vec())
}

fn user(name: &str) -> Field {
    object(
        name,
        vec![text("name"), text("uid"), int("type_id"), text("type")],
    )
}

fn session(name: &str) -> Field {
    let all = vec![
        text("uid"),
        text("issuer"),
        long("created_time"),
        flag("is_remote"),
    ];
    object(name, all)
}

fn actor() -> Field {
    object(
        "actor",
        vec![user("user"), session("session"), text("app_name")],
    )
}

fn resource(name: &str) -> Field {
    object(name, ["name", "uid", "type"].map(text).to_vec())
}

fn endpoint(name: &str) -> Field {
    object(
        name,
        vec![text("name"), text("svc_name"), text("ip"), int("port")],
    )
}

fn observable() -> Vec<Field> {
    vec![text("name"), int("type_id"), text("type"), text("value")]
}

fn fingerprint(name: &str, more: &[Field]) -> Field {
    let mut all = vec![int("algorithm_id"), text("algorithm"), text("value")];
    all.extend_from_slice(more);
    object(name, all)
}

fn of_class(class: Class, version: Version) -> Vec<Field> {
    match class {
        Class::Process => process(version),
        Class::Authentication => vec![
            user("user"),
            session("session"),
            flag("is_remote"),
            int("logon_type_id"),
            text("logon_type"),
            endpoint("src_endpoint"),
            endpoint("dst_endpoint"),
        ],
        Class::Entity => vec![entity(), text("comment")],
        Class::Access => {
            let resource = match version {
                Version::V1_3 => resource("resource"),
                Version::V1_8 | Version::V1_9 => list("resources", resource("element")),
            };
            vec![user("user"), list("privileges", text("element")), resource]
        }
        Class::Lifecycle => vec![product("app")],
        Class::Api => vec![
            api(),
            endpoint("src_endpoint"),
            endpoint("dst_endpoint"),
            list("resources", resource("element")),
        ],
    }
}

fn process(version: Version) -> Vec<Field> {
    let mut process = vec![text("uid"), text("name"), text("cmd_line")];
    if version >= Version::V1_8 {
        process.push(text("working_directory"));
    }
    process.extend([long("created_time"), user("user"), session("session")]);
    vec![
        object("process", process),
        object("device", vec![text("name"), int("type_id"), text("type")]),
        int("exit_code"),
    ]
}

fn entity() -> Field {
    let policy = ["name", "uid", "desc"].map(text).to_vec();
    let all = vec![
        text("name"),
        text("uid"),
        int("type_id"),
        text("type"),
        user("user"),
        object("policy", policy),
    ];
    object("entity", all)
}

fn api() -> Field {
    let all = vec![
        text("operation"),
        object("service", vec![text("name")]),
        object("request", vec![text("uid")]),
    ];
    object("api", all)
}

/// Classes in which something is decided.
fn ruling(class: Class) -> Vec<Field> {
    let mut all = vec![
        int("action_id"),
        text("action"),
        int("disposition_id"),
        text("disposition"),
    ];
    match class {
        Class::Entity => {
            let decision = object("element", vec![text("decision")]);
            all.push(list("authorizations", decision));
            all
        }
        Class::Access | Class::Api => all,
        Class::Process | Class::Authentication | Class::Lifecycle => Vec::new(),
    }
}

fn attestation() -> Vec<Field> {
    let how = [
        int("encoding_id"),
        text("encoding"),
        int("serialization_id"),
        text("serialization"),
    ];
    let signature = vec![
        int("algorithm_id"),
        text("algorithm"),
        text("developer_uid"),
        fingerprint("digest", &[]),
    ];
    let before = vec![text("uid"), fingerprint("fingerprint", &how)];
    vec![
        text("uid"),
        text("authority_uid"),
        text("chain_uid"),
        fingerprint("fingerprint", &how),
        object("prev_event", before),
        list("signatures", object("element", signature)),
    ]
}
