//! Values and names by example.

use super::*;

fn pair<'a>(name: &'a str, sign: &'a str, value: &'a str) -> Pair<'a> {
    Pair {
        name: name.as_bytes(),
        sign: sign.as_bytes(),
        option: false,
        quote: None,
        value: value.as_bytes(),
    }
}

#[test]
fn passwords_are_told_from_placeholders_and_code() {
    for value in ["hunter2", "a", "p$w", "pass.word", "$ecret", "x1", "secret"] {
        assert!(password(&pair("password", "=", value)), "{value}");
    }
    for value in [
        "",
        "****",
        "xxxx",
        "null",
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "$(cat",
        "{{",
        "<yours>",
        "%s",
        "get_password()",
        "os.environ[",
        "[redacted:password]",
        "required",
        "=",
    ] {
        assert!(!password(&pair("password", "=", value)), "{value}");
    }
    for value in [
        "self.password",
        "&password",
        "String",
        "a::Password",
        ":password",
        "vec![a",
    ] {
        assert!(!password(&pair("password", ": ", value)), "{value}");
    }
}

#[test]
fn names_about_a_secret_are_told_from_names_of_one() {
    for name in [
        "PASSWORD_FILE",
        "tokenType",
        "key_id",
        "secret.name",
        "passwordId",
    ] {
        assert!(is_about(name.as_bytes()), "{name}");
    }
    for name in [
        "PASSWORD",
        "DB_PASSWORD_PROD",
        "tokenX",
        "keyring",
        "paid",
        "pgPassword",
    ] {
        assert!(!is_about(name.as_bytes()), "{name}");
    }
}

#[test]
fn keys_need_a_name_that_says_so_or_more_signs() {
    let mixed = ["f3Kd9sLq", "0Zx8VbNm", "Qw2eRt"].concat();
    let hex = ["5f0c2a9e71", "b843d6", "0f"].concat();
    for (name, value, is) in [
        ("api_key", &hex, true),
        ("API-KEY", &mixed, true),
        ("key", &mixed, true),
        ("key", &hex, false),
        ("cache_key", &mixed, false),
        ("public_key", &mixed, false),
    ] {
        assert_eq!(key(&pair(name, "=", value)), is, "{name} {value}");
    }
}

#[test]
fn folders_and_prose_are_no_passwords() {
    for (sign, value, is) in [
        ("=", "/srv", false),
        ("=", "~", false),
        ("=", "~/x", false),
        ("=", "C:\\x", false),
        ("=", "~x7", true),
        ("=", "word", true),
        (": ", "both", false),
        (": ", "b0th", true),
        (": ", "12", false),
    ] {
        assert_eq!(
            short_password(&pair("pwd", sign, value)),
            is,
            "{sign}{value}"
        );
    }
}

#[test]
fn a_verifier_key_is_public() {
    let data = ["AekyeRrm56hApGFk", "yQR4ZCbV54Id2LKa"].concat();
    for (value, is) in [
        (format!("example.com/foo+530d903a+{data}"), false),
        (format!("PRIVATE+KEY+foo+530d903a+{data}"), true),
    ] {
        assert_eq!(key(&pair("key", "=", &value)), is, "{value}");
    }
}

#[test]
fn basic_credentials_are_decoded() {
    for (text, is) in [
        (STANDARD.encode("ada:pw"), true),
        (STANDARD.encode("ada:pw").replace('=', ""), true),
        (STANDARD.encode("ada"), false),
        (STANDARD.encode("ada:"), false),
        ("authentication".into(), false),
    ] {
        assert_eq!(is_basic(text.as_bytes()), is, "{text}");
    }
}
