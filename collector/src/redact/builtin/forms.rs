//! Forms of keys that belong to no vendor.

use super::Form::{Block, Card, Judged, Pattern, Word};
use super::{Builtin, rule};
use crate::redact::judge;

pub(super) const RULES: &[Builtin] = &[
    rule(
        "private-key",
        "the body of a private key in PEM, OpenSSH or PGP form, over as many lines as it has",
        &[],
        Block,
    ),
    rule(
        "private-key-base64",
        "a private key in PEM form that is encoded in base64 once more, as in Kubernetes",
        // "-----BEGIN " and PRIVATE, RSA, EC, OPENSSH, ENCRYPTED, DSA, PGP PRIVATE.
        &[
            "LS0tLS1CRUdJTiBQUklWQVRF",
            "LS0tLS1CRUdJTiBSU0Eg",
            "LS0tLS1CRUdJTiBFQyBQ",
            "LS0tLS1CRUdJTiBPUEVOU1NI",
            "LS0tLS1CRUdJTiBFTkNSWVBURUQ",
            "LS0tLS1CRUdJTiBEU0Eg",
            "LS0tLS1CRUdJTiBQR1AgUFJJVkFURS",
        ],
        Pattern(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{8,}"),
    ),
    rule(
        "putty-private-key",
        "the private part of a key in PuTTY's form that is written in one line",
        &["private-lines:"],
        Pattern(r"(?i)private-lines: ?[0-9]+(?:\\n|\\r|[ ])+([A-Za-z0-9+/=]{40,})"),
    ),
    rule(
        "countersign-key",
        "the signing key of a Countersign log, or any other key of a C2SP signed note",
        &["PRIVATE+KEY+"],
        Pattern(r"PRIVATE\+KEY\+[^\s+]{1,256}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{20,}"),
    ),
    rule(
        "age-key",
        "a secret key of age",
        &["AGE-SECRET-KEY-", "AGE-PLUGIN-"],
        Pattern(r"AGE-(?:SECRET-KEY|PLUGIN-[A-Z0-9]{1,32})-1?[A-Z0-9]{20,}"),
    ),
    rule(
        "jwt",
        "a JSON web token, signed or encrypted",
        &["eyJ"],
        Pattern(r"eyJ[A-Za-z0-9_-]{8,1500}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"),
    ),
    rule(
        "password-hash",
        "a hash of a password: crypt(3) and argon2, SCRAM of PostgreSQL, salted SHA of LDAP",
        &[
            "$1$",
            "$2a$",
            "$2b$",
            "$2y$",
            "$5$",
            "$6$",
            "$7$",
            "$y$",
            "$gy$",
            "$apr1$",
            "$argon2",
            "$scrypt$",
            "$pbkdf2",
            "SCRAM-SHA-256$",
            "{SSHA",
        ],
        Pattern(concat!(
            r"\$[0-9a-z-]{1,16}\$[./A-Za-z0-9$=,+-]{16,}",
            r"|SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=$:]{20,}",
            r"|\{SSHA[0-9]{0,3}\}[A-Za-z0-9+/=]{20,}",
        )),
    ),
    rule(
        "otpauth",
        "the secret of a one-time password in its address",
        &["otpauth://"],
        Pattern(r#"(?i)otpauth://[^\s"']{1,300}?secret=([a-z2-7=]{8,})"#),
    ),
    rule(
        "url-password",
        "the password in an address: `postgres://user:PASSWORD@host`, and of any other scheme",
        &["://"],
        Pattern(r#"://[^\s/?#@:"'<>`]{0,256}:([^\s/"'<>`]{1,512})@[A-Za-z0-9_.\[$%{-]"#),
    ),
    rule(
        "url-token",
        "a token in the place of the user of an address",
        &["://"],
        Judged(r"://([A-Za-z0-9_.-]{16,256})@[A-Za-z0-9]", judge::is_random),
    ),
    rule(
        "go-dsn",
        "the password of `user:PASSWORD@tcp(host:3306)/db`",
        &["@tcp(", "@unix("],
        Word(r#"[^\s:@/"'=]{1,128}:([^\s"']{1,256})@(?:tcp|unix)\("#),
    ),
    rule(
        "card-number",
        "a payment card's number of 13 to 19 digits whose check digit is right",
        &[],
        Card,
    ),
];
