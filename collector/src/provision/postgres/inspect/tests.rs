//! What counts as a change.

use super::*;
use crate::provision::postgres::tests_support::grant;
use crate::provision::postgres::{DatabaseAccess, Privilege};

fn access() -> PostgresAccess {
    PostgresAccess {
        resource: "orders-db".into(),
        permission: "read-only".into(),
        member_of: vec!["readers".into()],
        databases: vec![DatabaseAccess {
            name: "orders".into(),
            schemas: Vec::new(),
            tables: vec!["public.orders".into()],
            all_tables_in: vec!["audit".into()],
            privileges: vec![Privilege::Select],
        }],
    }
}

fn role() -> Role {
    Role {
        oid: 16_400,
        name: "cs_ada_1042".into(),
        login: true,
        superuser: false,
        create_role: false,
        create_db: false,
        replication: false,
        bypass_rls: false,
        connections: 4,
        until: Some(2_000_000_000),
        comment: None,
        member_of: vec!["readers".into()],
    }
}

/// A role that somebody changed.
fn but(change: impl FnOnce(&mut Role)) -> Role {
    let mut role = role();
    change(&mut role);
    role
}

/// Roles with one attribute more or less, and how that is told.
fn widened() -> Vec<(Role, &'static str)> {
    let writers = vec!["readers".to_owned(), "writers".to_owned()];
    vec![
        (but(|role| role.superuser = true), "is a superuser"),
        (but(|role| role.create_role = true), "may make roles"),
        (but(|role| role.create_db = true), "may make databases"),
        (but(|role| role.replication = true), "may replicate"),
        (but(|role| role.bypass_rls = true), "passes by row security"),
        (but(|role| role.login = false), "cannot log in"),
        (but(|role| role.until = None), "is valid until for ever"),
        (
            but(|role| role.connections = -1),
            "may have -1 connections, not 4",
        ),
        (
            but(|role| role.member_of.clear()),
            "is no member of readers",
        ),
        (
            but(|role| role.member_of = writers),
            "is a member of writers",
        ),
    ]
}

#[test]
fn every_attribute_that_was_widened_is_found() {
    let found = |role: &Role| attributes(role, &access(), &grant(1_042, "ada"), 4).join("; ");
    assert_eq!(found(&role()), "");
    let later = Role {
        until: Some(2_000_000_001),
        ..role()
    };
    assert_eq!(
        found(&later),
        "is valid until 2033-05-18T03:33:21Z, its grant until 2033-05-18T03:33:20Z"
    );
    for (role, expected) in widened() {
        assert!(
            found(&role).starts_with(expected),
            "{role:?}: {}",
            found(&role)
        );
    }
}

#[test]
fn only_what_a_role_has_is_named_to_take_it_away() {
    let all = Role {
        superuser: true,
        replication: true,
        ..role()
    };
    assert_eq!(less(&all), "NOSUPERUSER NOREPLICATION");
    assert_eq!(less(&role()), "");
}

#[test]
fn rights_on_tables_are_those_that_are_configured() {
    let access = access();
    let right = |privilege: &str, schema: &str, table: &str| Right {
        privilege: privilege.into(),
        schema: schema.into(),
        table: table.into(),
        by: "postgres".into(),
    };
    for (database, right, allowed) in [
        ("orders", right("SELECT", "public", "orders"), true),
        ("orders", right("SELECT", "audit", "anything"), true),
        ("orders", right("UPDATE", "public", "orders"), false),
        ("orders", right("SELECT", "public", "secrets"), false),
        ("billing", right("SELECT", "public", "orders"), false),
    ] {
        assert_eq!(
            access.allows(database, &right),
            allowed,
            "{right:?} in {database}"
        );
    }
}
