//! Who may sign in, and how: links for one use, and sessions.
//!
//! Both live in memory only. A restart signs everybody out, and a session that is ended is gone at
//! once, which a signed cookie could not promise.

use std::collections::BTreeMap;
use std::io;

use countersign_chain::hash::{Hash, digest};
use countersign_chain::principal::Principal;
use countersign_client::random_key;
use parking_lot::Mutex;

use super::person::Holder;
use crate::limits::{WEB_LINK_SECONDS, WEB_LINKS, WEB_SESSION_SECONDS, WEB_SESSIONS};

/// How somebody said who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn {
    /// With a client certificate of the ledger's authority.
    Certificate,
    /// With a link for one use, which the terminal of this machine showed.
    Link,
    /// With the OpenID provider of the configuration.
    Oidc,
}

impl SignIn {
    /// In words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Certificate => "client certificate",
            Self::Link => "sign-in link",
            Self::Oidc => "account of the OpenID provider",
        }
    }

    /// As evidence names it.
    pub(super) const fn proof(self) -> &'static str {
        match self {
            Self::Certificate => "client-certificate",
            Self::Link => "sign-in-link",
            Self::Oidc => "oidc",
        }
    }
}

/// Who signs in.
#[derive(Debug)]
pub(super) enum Whom {
    /// Whoever had this person's link.
    Invited(Principal),
    /// The holder of a certificate.
    Certified(Holder),
    /// Whoever the OpenID provider has named.
    Provided(Principal),
}

impl Whom {
    /// The user.
    pub(super) const fn user(&self) -> &Principal {
        match self {
            Self::Invited(user) | Self::Provided(user) => user,
            Self::Certified(holder) => &holder.user,
        }
    }
}

/// A browser whose user is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// Who it is: a principal with the role user.
    pub(super) user: Principal,
    /// How they signed in.
    pub(super) by: SignIn,
    /// What every form of this session carries.
    pub(super) csrf: String,
    /// Serial number of the certificate, when it was one.
    pub(super) serial: Option<String>,
    ends: u64,
    /// What they have done, for the page at this path, once.
    note: Option<(String, &'static str)>,
}

impl Session {
    /// Without a certificate.
    fn plain(user: Principal, (by, csrf, ends): (SignIn, String, u64)) -> Self {
        Self {
            user,
            by,
            csrf,
            serial: None,
            ends,
            note: None,
        }
    }
}

/// Sessions and links. Secrets are kept as digests: a look-up by digest tells nothing through its
/// time, and memory that leaks lets nobody in.
#[derive(Debug, Default)]
pub(super) struct Desk {
    sessions: Mutex<BTreeMap<Hash, Session>>,
    links: Mutex<BTreeMap<Hash, (Principal, u64)>>,
}

impl Desk {
    /// A link's secret for this person, good once.
    pub(super) fn invite(&self, user: Principal, now: u64) -> io::Result<String> {
        let secret = random_key()?;
        let mut links = self.links.lock();
        links.retain(|_, (_, ends)| now < *ends);
        if links.len() >= WEB_LINKS {
            return Err(io::Error::other(format!(
                "{WEB_LINKS} sign-in links wait already; wait until they are used or over"
            )));
        }
        let ends = now.saturating_add(WEB_LINK_SECONDS);
        links.insert(digest(secret.as_bytes()), (user, ends));
        Ok(secret)
    }

    /// Whom a link would sign in; it stays good.
    pub(super) fn invited(&self, secret: &str, now: u64) -> Option<Principal> {
        let links = self.links.lock();
        let (user, ends) = links.get(&digest(secret.as_bytes()))?;
        (now < *ends).then(|| user.clone())
    }

    /// Whom a link signs in; it is used up.
    pub(super) fn accept(&self, secret: &str, now: u64) -> Option<Principal> {
        let taken = self.links.lock().remove(&digest(secret.as_bytes()));
        taken.filter(|(_, ends)| now < *ends).map(|(user, _)| user)
    }

    /// Begins a session, and returns the secret of its cookie.
    pub(super) fn begin(&self, who: Whom, now: u64) -> io::Result<String> {
        let (secret, csrf) = (random_key()?, random_key()?);
        let ends = now.saturating_add(WEB_SESSION_SECONDS);
        let session = match who {
            Whom::Invited(user) => Session::plain(user, (SignIn::Link, csrf, ends)),
            Whom::Provided(user) => Session::plain(user, (SignIn::Oidc, csrf, ends)),
            Whom::Certified(holder) => Session {
                user: holder.user,
                by: SignIn::Certificate,
                csrf,
                serial: Some(holder.serial),
                ends: ends.min(holder.not_after),
                note: None,
            },
        };
        let mut sessions = self.sessions.lock();
        if sessions.len() >= WEB_SESSIONS {
            sessions.retain(|_, session| now < session.ends);
        }
        if sessions.len() >= WEB_SESSIONS {
            return Err(io::Error::other("too many people are signed in; try later"));
        }
        sessions.insert(digest(secret.as_bytes()), session);
        Ok(secret)
    }

    /// The session of a cookie.
    pub(super) fn session(&self, secret: &str, now: u64) -> Option<Session> {
        let sessions = self.sessions.lock();
        let session = sessions.get(&digest(secret.as_bytes()))?;
        (now < session.ends).then(|| session.clone())
    }

    /// Keeps what this session's user has done, for the page at this path.
    pub(super) fn note(&self, secret: &str, path: &str, words: &'static str) {
        if let Some(session) = self.sessions.lock().get_mut(&digest(secret.as_bytes())) {
            session.note = Some((path.to_owned(), words));
        }
    }

    /// What this session's user has just done, when it was on the page at this path; once.
    pub(super) fn noted(&self, secret: &str, path: &str) -> Option<&'static str> {
        let mut sessions = self.sessions.lock();
        let session = sessions.get_mut(&digest(secret.as_bytes()))?;
        let (_, words) = session.note.take_if(|(noted, _)| noted == path)?;
        Some(words)
    }

    /// Ends a session.
    pub(super) fn end(&self, secret: &str) {
        self.sessions.lock().remove(&digest(secret.as_bytes()));
    }
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, two: &str) -> bool {
    digest(one.as_bytes()) == digest(two.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Principal {
        Principal::parse("user:ada").unwrap()
    }

    #[test]
    fn a_link_signs_in_once_and_for_ten_minutes() {
        let desk = Desk::default();
        let link = desk.invite(ada(), 100).unwrap();
        assert_eq!(
            desk.invited(&link, 100),
            Some(ada()),
            "a look costs nothing"
        );
        assert_eq!(desk.accept(&link, 100), Some(ada()));
        assert_eq!(desk.accept(&link, 100), None, "used up");
        let late = desk.invite(ada(), 100).unwrap();
        assert_eq!(desk.invited(&late, 700), None);
        assert_eq!(desk.accept(&late, 700), None);
        assert_eq!(desk.accept("", 100), None);
        assert_eq!(link.len(), 32, "128 bits in hexadecimal");
    }

    #[test]
    fn links_that_wait_are_limited() {
        let desk = Desk::default();
        for _ in 0..WEB_LINKS {
            desk.invite(ada(), 0).unwrap();
        }
        assert!(desk.invite(ada(), 1).is_err());
        assert!(desk.invite(ada(), WEB_LINK_SECONDS).is_ok(), "old ones go");
    }

    #[test]
    fn a_session_ends_by_itself_and_on_request() {
        let desk = Desk::default();
        let cookie = desk.begin(Whom::Invited(ada()), 0).unwrap();
        let session = desk.session(&cookie, 1).unwrap();
        assert_eq!(session.user, ada());
        assert!(same(&session.csrf, &session.csrf.clone()) && !same(&session.csrf, &cookie));
        assert_eq!(desk.session("another", 1), None);
        assert_eq!(desk.session(&cookie, WEB_SESSION_SECONDS), None);
        desk.end(&cookie);
        assert_eq!(desk.session(&cookie, 1), None);
    }

    #[test]
    fn what_somebody_did_is_told_to_them_once() {
        let desk = Desk::default();
        let (mine, other) = (ada_in(&desk), ada_in(&desk));
        desk.note(&mine, "/case/7", "done");
        assert_eq!(desk.noted(&other, "/case/7"), None, "in another browser");
        assert_eq!(desk.noted(&mine, "/case/8"), None, "on another page");
        assert_eq!(desk.noted(&mine, "/case/7"), Some("done"));
        assert_eq!(desk.noted(&mine, "/case/7"), None, "a reload");
    }

    fn ada_in(desk: &Desk) -> String {
        desk.begin(Whom::Invited(ada()), 0).unwrap()
    }

    #[test]
    fn a_session_is_over_with_its_certificate() {
        let desk = Desk::default();
        let holder = Holder {
            user: ada(),
            serial: "0a".to_owned(),
            not_after: 50,
        };
        let cookie = desk.begin(Whom::Certified(holder), 0).unwrap();
        let session = desk.session(&cookie, 49).unwrap();
        assert_eq!(
            (session.by, session.serial.as_deref()),
            (SignIn::Certificate, Some("0a"))
        );
        assert_eq!(desk.session(&cookie, 50), None);
    }
}
