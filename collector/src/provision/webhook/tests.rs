//! Addresses, secrets, and a signature that others computed.

use super::*;

#[test]
fn only_addresses_that_keep_secrets_are_taken() {
    for good in [
        "https://access.example.com/hook",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
    ] {
        assert!(is_safe(&Url::parse(good).unwrap()), "{good}");
    }
    for bad in [
        "http://access.example.com/",
        "http://10.0.0.1/",
        "http://localhost/",
        "http://127.0.0.1.example.com/",
        "https://user:password@access.example.com/",
        "ftp://127.0.0.1/",
    ] {
        assert!(!is_safe(&Url::parse(bad).unwrap()), "{bad}");
    }
}

#[test]
fn secrets_are_read_as_the_specification_writes_them() {
    let read = |text: &str| secret(&Secret::new(text.as_bytes().to_vec()));
    assert!(read("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").is_some());
    for bad in [
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        "whsec_!",
    ] {
        assert!(read(bad).is_none(), "{bad}");
    }
}

/// The signature was computed with Python's hmac.
#[test]
fn a_signature_is_what_others_compute() {
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let signature = sign(
        &key,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(
        signature.unwrap(),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[test]
fn the_place_of_a_service_is_told_without_its_path() {
    let url = Url::parse("https://access.example.com:8443/hook/s3cret?k=v").unwrap();
    assert_eq!(place(&url), "https://access.example.com:8443");
}
