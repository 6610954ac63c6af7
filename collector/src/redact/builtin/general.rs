//! Names that say that a secret follows: in headers, settings, commands and SQL.

use super::Form::{Header, Judged, Line, Pattern, Value};
use super::{Builtin, rule};
use crate::redact::judge;

/// A name with a keyword in it, and the sign behind it; as an option the sign is a space.
macro_rules! named {
    ($keyword:literal) => {
        concat!(
            "(?i)",
            $keyword,
            r#"[A-Za-z0-9_.-]{0,32}[\\"'\]]{0,3}"#,
            r"(?:[ \t]{0,8}(?:=>|:=|=|:)[ \t]{0,8}|>|[ \t]{1,8})",
        )
    };
}

pub(super) const RULES: &[Builtin] = &[
    rule(
        "authorization",
        "what follows `Authorization:` or `Proxy-Authorization:`, whatever its scheme",
        &["authorization"],
        Header(r#"(?i)authorization[\\"'\]]{0,3}[ \t]{0,8}(?:=>|[:=,])[ \t]{0,8}(?:\\?["'])?"#),
    ),
    rule(
        "bearer",
        "a token behind the word `bearer`",
        &["bearer "],
        Value(r"(?i)\bbearer[ \t]{1,8}", judge::bearer),
    ),
    rule(
        "basic",
        "a user and password in base64 behind the word `basic`",
        &["basic "],
        Value(r"(?i)\bbasic[ \t]{1,8}", judge::basic),
    ),
    rule(
        "cookie",
        "the cookies of a request or an answer",
        &["cookie:"],
        Line(r"(?i)\b(?:set-)?cookie:[ \t]{0,8}"),
    ),
    rule(
        "docker-auth",
        "the user and password in the settings of a container registry",
        &["auth\"", ".dockerconfigjson", ".dockercfg"],
        Pattern(concat!(
            r#"(?i)(?:auth|\.docker(?:configjson|cfg))\\?"?[ \t]*:[ \t]*\\?"?"#,
            r"([A-Za-z0-9+/=_-]{8,})",
        )),
    ),
    rule(
        "npm-auth",
        "the user and password in `.npmrc`",
        &["_auth"],
        Judged(
            r#"(?i)_auth[ \t]*=[ \t]*"?([A-Za-z0-9+/=]{8,})"#,
            judge::is_basic,
        ),
    ),
    rule(
        "curl-user",
        "the password of `curl -u user:PASSWORD`",
        &["curl "],
        Value(
            concat!(
                r"(?i)\bcurl[^\r\n|;]{0,300}?[ \t](?:-u|--user|--proxy-user)[ =]{0,4}",
                r#"["']?[^\s:"']{1,128}:"#,
            ),
            judge::argument,
        ),
    ),
    rule(
        "mysql-password",
        "the password of `mysql -pPASSWORD` and of its sister programs",
        &["mysql", "mariadb"],
        Value(
            r"(?:mysql|mariadb)[a-z-]{0,16}[ \t](?:[^\r\n|;&]{0,300}?[ \t])??-p",
            judge::any,
        ),
    ),
    rule(
        "command-password",
        "the password of `sshpass`, `redis-cli -a`, `ldapsearch -w`, `htpasswd -b`, `sqlplus u/…`",
        &[
            "sshpass",
            "redis-cli",
            "ldap",
            "htpasswd",
            "sqlplus",
            "sqlcmd",
            "mongo",
            "smbclient",
        ],
        Value(
            concat!(
                r"\b(?:sshpass[ \t]+-p",
                r"|redis-cli[ \t](?:[^\r\n|;&]{0,200}?[ \t])??-a[ \t]",
                r"|ldap[a-z]+[ \t](?:[^\r\n|;&]{0,300}?[ \t])??-w",
                r"|htpasswd[ \t]+-[a-zA-Z0-9]*b[a-zA-Z0-9]*[ \t]+",
                r"(?:-[a-zA-Z0-9]+[ \t]+)*[^\s-][^\s]*[ \t]+[^\s]+[ \t]",
                r"|sqlplus[ \t]+(?:-[A-Za-z]+[ \t]+)*[^\s/@]+/",
                r"|sqlcmd[ \t](?:[^\r\n|;&]{0,200}?[ \t])??-P",
                r"|mongo[a-z]*[ \t](?:[^\r\n|;&]{0,200}?[ \t])??-p[ \t]",
                r"|smbclient[ \t](?:[^\r\n|;&]{0,200}?[ \t])??-U[ \t]+[^\s%]+%)[ \t]{0,4}",
            ),
            judge::any,
        ),
    ),
    rule(
        "openssl-password",
        "the password of `openssl … -passin pass:PASSWORD`",
        &["-pass"],
        Value(r#"-pass(?:in|out)?[ \t]{1,4}["']?pass:"#, judge::any),
    ),
    rule(
        "sql-password",
        "the password of `IDENTIFIED BY 'PASSWORD'`",
        &["identified "],
        Value(
            concat!(
                r"(?i)identified[ \t]+(?:with[ \t]+[^\s]{1,64}[ \t]+)?",
                r"(?:by|as)[ \t]+(?:password[ \t]+)?",
            ),
            judge::sql,
        ),
    ),
    rule(
        "netrc",
        "the password behind `login` in one line of `.netrc`",
        &["login "],
        Value(
            r"(?i)\blogin[ \t]{1,8}[^\s]{1,128}[ \t]{1,8}password[ \t]{1,8}",
            judge::any,
        ),
    ),
    rule(
        "password",
        "the value of a name with `password`, `passwd`, `passphrase` or `passcode` in it",
        &[
            "password",
            "passwd",
            "passphrase",
            "passcode",
            "kennwort",
            "passwort",
        ],
        Value(
            concat!(
                r"(?i)(?:pass(?:word|wd|phrase|code|wort)|kennwort)[A-Za-z0-9_.-]{0,32}",
                r#"[\\"'\]]{0,3}"#,
                r"(?:[ \t]{0,8}(?:=>|:=|=|:)[ \t]{0,8}|>|\([ \t]{0,4}|[ \t]{1,8})",
            ),
            judge::password,
        ),
    ),
    rule(
        "password-short",
        "the value of a name that ends in `pwd`, `pass`, `_pw`, `_auth` or `psk`: `MYSQL_PWD`",
        &["pwd", "pass", "_pw", "_auth", "-auth", "psk"],
        Value(
            r#"(?i)(?:pwd|pass|_pw|[_-]auth|psk)[\\"'\]]{0,3}[ \t]{0,2}(?:=>|:=|=|:)[ \t]{0,8}"#,
            judge::short_password,
        ),
    ),
    rule(
        "secret",
        "the value of a name with `secret` or `credential` in it, when it looks random",
        &["secret", "credential"],
        Value(named!("(?:secret|credential)"), judge::token),
    ),
    rule(
        "token",
        "the value of a name with `token` in it, when it looks random",
        &["token"],
        Value(named!("token"), judge::token),
    ),
    rule(
        "key",
        "the value of a name with `key` in it, when it looks random",
        &["key"],
        Value(named!("key"), judge::key),
    ),
];
