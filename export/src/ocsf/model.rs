//! The attributes of OCSF events that are written. An attribute that is not there is left out:
//! OCSF has no nulls.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Makes objects of OCSF: every attribute may be left out.
macro_rules! objects {
    ($($(#[doc = $doc:literal])* $name:ident { $($field:ident: $type:ty,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "`.")]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    )*};
}

objects! {
    /// An event. Times are milliseconds since 1970 in UTC.
    Event {
        activity_id: u8,
        activity_name: &'static str,
        category_uid: u8,
        category_name: &'static str,
        class_uid: u16,
        class_name: &'static str,
        type_uid: u32,
        type_name: String,
        severity_id: u8,
        severity: &'static str,
        status_id: u8,
        status: &'static str,
        status_code: String,
        status_detail: String,
        time: u64,
        start_time: i64,
        end_time: i64,
        message: String,
        metadata: Metadata,
        actor: Actor,
        user: User,
        privileges: Vec<String>,
        resource: Resource,
        resources: Vec<Resource>,
        entity: Entity,
        comment: String,
        session: Session,
        is_remote: bool,
        logon_type_id: u8,
        logon_type: &'static str,
        device: Device,
        process: Process,
        exit_code: i32,
        app: Product,
        api: Api,
        src_endpoint: Endpoint,
        dst_endpoint: Endpoint,
        action_id: u8,
        action: &'static str,
        disposition_id: u8,
        disposition: &'static str,
        authorizations: Vec<Authorization>,
        observables: Vec<Observable>,
        attestation_list: Vec<Attestation>,
        raw_data: String,
        raw_data_hash: Fingerprint,
        unmapped: Flat,
    }
    /// About the event itself.
    Metadata {
        version: &'static str,
        product: Product,
        profiles: Vec<&'static str>,
        uid: String,
        original_event_uid: String,
        correlation_uid: String,
        event_code: String,
        log_name: String,
        log_provider: &'static str,
        original_time: String,
        sequence: u64,
    }
    /// A program.
    Product {
        name: String,
        uid: String,
        vendor_name: &'static str,
        version: String,
    }
    /// Who acts.
    Actor {
        user: User,
        session: Session,
        app_name: String,
    }
    /// A person or a program.
    User {
        name: String,
        uid: String,
        type_id: u8,
        r#type: &'static str,
    }
    /// A session.
    Session {
        uid: String,
        issuer: String,
        created_time: u64,
        is_remote: bool,
    }
    /// A thing that privileges are for, or that is read.
    Resource {
        name: String,
        uid: String,
        r#type: &'static str,
    }
    /// A thing that is made, changed and ended.
    Entity {
        name: String,
        uid: String,
        type_id: u8,
        r#type: &'static str,
        user: User,
        policy: Policy,
    }
    /// A policy.
    Policy {
        name: String,
        uid: String,
        desc: String,
    }
    /// What a policy or a person said.
    Authorization {
        decision: &'static str,
    }
    /// A service.
    Service {
        name: String,
    }
    /// A machine.
    Device {
        name: String,
        type_id: u8,
        r#type: &'static str,
    }
    /// A process.
    Process {
        uid: String,
        name: String,
        cmd_line: String,
        working_directory: String,
        created_time: i64,
        user: User,
        session: Session,
    }
    /// A call.
    Api {
        operation: String,
        service: Service,
        request: Request,
    }
    /// What a call asks for.
    Request {
        uid: String,
    }
    /// One end of a connection.
    Endpoint {
        name: String,
        svc_name: String,
        ip: String,
        port: u16,
    }
    /// A value worth searching for, and where it stands in the event.
    Observable {
        name: &'static str,
        type_id: u8,
        r#type: &'static str,
        value: String,
    }
    /// A digest.
    Fingerprint {
        algorithm_id: u8,
        algorithm: &'static str,
        value: String,
        encoding_id: u8,
        encoding: &'static str,
        serialization_id: u8,
        serialization: &'static str,
    }
    /// What proves a record, from 1.9.0 on.
    Attestation {
        uid: String,
        authority_uid: String,
        chain_uid: String,
        fingerprint: Fingerprint,
        prev_event: PrevEvent,
        signatures: Vec<Signature>,
    }
    /// The record before.
    PrevEvent {
        uid: String,
        fingerprint: Fingerprint,
    }
    /// Who signed; OCSF has no attribute for the signature itself.
    Signature {
        algorithm_id: u8,
        algorithm: &'static str,
        developer_uid: String,
        digest: Fingerprint,
    }
}

/// Texts by name, in the order in which they were put there.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flat(Vec<(Cow<'static, str>, String)>);

impl Flat {
    /// Nothing, with room for so many texts.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Adds a text.
    pub fn put(&mut self, name: impl Into<Cow<'static, str>>, text: impl Into<String>) {
        self.0.push((name.into(), text.into()));
    }

    /// The text with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str())
    }
}

impl Serialize for Flat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, text) in &self.0 {
            map.serialize_entry(name, text)?;
        }
        map.end()
    }
}
