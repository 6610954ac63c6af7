//! Passkeys: making one, and the question that one answers when an approval has to be signed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_proto::convert::unix_micros;
use countersign_proto::v1;
use countersign_workflow::passkey::{Decision, Passkey, Verdict};
use maud::{Markup, html};
use serde_json::{Value, json};

use super::Inbox;
use super::case::seen;
use super::extract::{Named, Sent};
use super::form::Form;
use super::page::signed;
use super::trouble::Trouble;
use super::viewer::Viewer;
use crate::limits::WEB_PASSKEY;

/// The page on which passkeys are made.
pub(super) async fn show(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Html<String>, Trouble> {
    page(&inbox, &viewer, &headers, None).await
}

/// Shows the line of a passkey that the browser has made. Nothing is kept: what counts is what the
/// policy says.
pub(super) async fn made(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    let form = viewer.form(&inbox, &body).await?;
    let passkey = bytes(&form, "credential")
        .zip(bytes(&form, "key"))
        .and_then(|(credential, key)| Passkey::made(domain(&headers), &credential, &key));
    let passkey = passkey.ok_or(Trouble::Form)?;
    Ok(page(&inbox, &viewer, &headers, Some(&passkey))
        .await?
        .into_response())
}

async fn page(
    inbox: &Inbox,
    viewer: &Viewer,
    headers: &HeaderMap,
    made: Option<&Passkey>,
) -> Result<Html<String>, Trouble> {
    let rules = inbox.bot.rules(0).await?;
    let person = viewer.person(&rules);
    let facts = rules.policy.person(person);
    let known: Vec<String> = facts.map_or_else(Vec::new, |facts| {
        facts.passkeys.iter().map(ToString::to_string).collect()
    });
    let rp = domain(headers);
    let body = html! {
        h1 { "Passkeys" }
        p {
            "Some approvals have to be signed with a passkey of yours: on this device, on your \
             phone, or on a security key. Whose passkeys count is in the policy."
        }
        @if let Some(made) = made { (line(person, made)) }
        (list(&known))
        @if is_address(rp) {
            p.alert role="alert" {
                "Browsers make no passkeys for an address in numbers. Open the inbox by a name, on \
                 this machine by http://localhost with the same port."
            }
        } @else { (form(viewer, rp, person)) }
        script src="/passkey.js" defer {}
    };
    Ok(signed(viewer, "Passkeys", "/passkeys", &body))
}

/// What is to be given to whoever writes the policy.
fn line(person: &str, made: &Passkey) -> Markup {
    html! {
        section.sheet {
            h2 { "Your new passkey" }
            p {
                "Give this line to whoever writes the policy. It goes into the passkeys of "
                strong { (person) } " in entities.json; it is no secret."
            }
            pre id="passkey" { (made) }
        }
    }
}

fn list(known: &[String]) -> Markup {
    html! {
        section.sheet {
            h2 { "Passkeys in the policy" }
            @if known.is_empty() { p.none { "The policy has none of yours." } }
            @else { ul { @for passkey in known { li { code { (passkey) } } } } }
        }
    }
}

fn form(viewer: &Viewer, rp: &str, person: &str) -> Markup {
    html! {
        form.sheet method="post" action="/passkeys" data-passkey="make" data-rp=(rp)
            data-person=(person) {
            h2 { "A new one" }
            input type="hidden" name="csrf" value=(viewer.session.csrf);
            input type="hidden" name="credential";
            input type="hidden" name="key";
            p.fault role="alert" data-told hidden {}
            noscript { p { "Passkeys need JavaScript, which this browser does not run." } }
            button.main type="submit" data-sign { "Make a passkey" }
        }
    }
}

/// What has to be signed for what a form says, and which passkeys may do it.
pub(super) async fn challenge(
    State(inbox): State<Arc<Inbox>>,
    viewer: Viewer,
    Named(id): Named<u64>,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, Trouble> {
    let form = viewer.form(&inbox, &body).await?;
    let found = seen(&inbox, &viewer, id).await?;
    let verdict = match form.get("choice") {
        "approve" => Verdict::Approve,
        "justified" => Verdict::Justified,
        _ => return Err(Trouble::Form),
    };
    let opened = found.case.opened.as_ref().map(unix_micros);
    let (Some(Ok(opened)), Some(request)) = (opened, form.number("target")) else {
        return Err(Trouble::Form);
    };
    let decision = Decision {
        case: found.case.id,
        opened,
        requester: &found.case.person,
        resource: &found.case.resource,
        permission: &found.case.permission,
        request,
        verdict,
        reviewer: viewer.person(&found.rules),
        reason: form.get("reason"),
    };
    let now = inbox.bot.rules(0).await?;
    let facts = now.policy.person(viewer.person(&now));
    let all = facts.map_or(&[][..], |facts| facts.passkeys.as_slice());
    let host = domain(&headers);
    let mut here = all.iter().filter(|passkey| is_below(host, passkey.rp()));
    let Some(first) = here.next() else {
        let error =
            "the policy has no passkey of yours for this address; the page Passkeys makes one";
        return Ok((StatusCode::CONFLICT, as_json(&json!({"error": error}))).into_response());
    };
    let same = all.iter().filter(|passkey| passkey.rp() == first.rp());
    let credentials: Vec<String> = same
        .map(|passkey| URL_SAFE_NO_PAD.encode(passkey.credential()))
        .collect();
    let asked = json!({
        "challenge": URL_SAFE_NO_PAD.encode(decision.challenge()),
        "rp": first.rp(),
        "credentials": credentials,
    });
    Ok(as_json(&asked).into_response())
}

fn as_json(value: &Value) -> impl IntoResponse + use<> {
    (
        [(header::CONTENT_TYPE, "application/json")],
        value.to_string(),
    )
}

/// Where a form carries what a passkey has signed, filled by the script of the page.
pub(super) fn fields(case: u64) -> Markup {
    html! {
        p.hint { "An approval is signed with your passkey." }
        p.fault role="alert" data-told hidden {}
        @for name in FIELDS { input type="hidden" name=(name); }
        noscript { p.fault { "Case " (case) " can be approved only with JavaScript." } }
        script src="/passkey.js" defer {}
    }
}

const FIELDS: [&str; 4] = [
    "passkey-credential",
    "passkey-data",
    "passkey-client",
    "passkey-signature",
];

/// What a passkey has signed, if the form carries it.
pub(super) fn assertion(form: &Form) -> Option<v1::PasskeyAssertion> {
    let [credential, data, client, signature] = FIELDS.map(|name| bytes(form, name));
    Some(v1::PasskeyAssertion {
        credential: credential?.into(),
        authenticator_data: data?.into(),
        client_data_json: client?.into(),
        signature: signature?.into(),
    })
}

/// Bytes of a field in base64url; none when it is empty, no base64url, or too long.
fn bytes(form: &Form, name: &str) -> Option<Vec<u8>> {
    let text = form.get(name);
    let fits = !text.is_empty() && text.len() <= WEB_PASSKEY;
    URL_SAFE_NO_PAD.decode(text).ok().filter(|_| fits)
}

/// The name under which the browser has opened the inbox; the guard has let it pass.
fn domain(headers: &HeaderMap) -> &str {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    match host.starts_with('[') {
        true => host,
        false => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether it is an address and no name.
fn is_address(domain: &str) -> bool {
    domain.starts_with('[') || domain.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a page of this host may use passkeys of this domain.
fn is_below(host: &str, rp: &str) -> bool {
    let above = host.strip_suffix(rp);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_used_at_their_domain_and_below() {
        assert!(is_below("access.example.com", "access.example.com"));
        assert!(is_below("eu.access.example.com", "access.example.com"));
        assert!(!is_below("evilaccess.example.com", "access.example.com"));
        assert!(!is_below("example.com", "access.example.com"));
        assert!(is_address("127.0.0.1") && is_address("[::1]:7490"));
        assert!(!is_address("localhost"));
    }

    #[test]
    fn an_assertion_is_read_whole_or_not_at_all() {
        let whole = "passkey-credential=AQ&passkey-data=Ag&passkey-client=Aw&passkey-signature=BA";
        let read = |text: &str| assertion(&Form::parse(text.as_bytes()).unwrap());
        let found = read(whole).unwrap();
        assert_eq!(
            (&found.credential[..], &found.signature[..]),
            (&[1][..], &[4][..])
        );
        assert_eq!(read(""), None);
        assert_eq!(read(&whole.replace("=BA", "=")), None);
        assert_eq!(read(&whole.replace("=BA", "=%2B%2B")), None);
        assert_eq!(
            read(&whole.replace("=BA", &format!("={}", "A".repeat(9_000)))),
            None
        );
    }
}
