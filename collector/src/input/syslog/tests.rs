//! Messages: the examples of the standards, what programs send, and what keeps no rule.

mod sockets;

use jiff::tz::TimeZone;

use super::*;
use crate::input::record::Understood;

fn read(message: impl AsRef<[u8]>) -> Understood {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let received = "2026-11-27T12:00:00Z".parse().unwrap();
    let arrival = Arrival {
        received,
        zone: &zone,
    };
    parse(message.as_ref(), arrival)
}

/// Fields in order of their names, the time, and what is wrong, in one line.
fn line(understood: Understood) -> String {
    let mut words = Vec::new();
    for (name, value) in understood.fields.into_map() {
        words.push(format!("{name}={value}"));
    }
    words.extend(understood.observed_at.map(|time| format!("@{time}")));
    let mut line = words.join(" ");
    if !understood.malformed.is_empty() {
        line.push_str(&format!(" !{}", understood.malformed));
    }
    line
}

#[test]
fn every_example_of_rfc_5424_is_understood() {
    let bom = "\u{feff}";
    let data = "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]";
    let table = [
        // Section 6.5, examples 1 to 4.
        (
            format!(
                "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - {bom}'su \
                     root' failed for lonvick on /dev/pts/8"
            ),
            "app_name=su facility=auth format=rfc5424 hostname=mymachine.example.com \
             message='su root' failed for lonvick on /dev/pts/8 msgid=ID47 severity=crit \
             @2003-10-11T22:14:15.003Z",
        ),
        (
            "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to \
             make the do-nuts."
                .to_owned(),
            "app_name=myproc facility=local4 format=rfc5424 hostname=192.0.2.1 message=%% It's \
             time to make the do-nuts. procid=8710 severity=notice @2003-08-24T12:14:15.000003Z",
        ),
        (
            format!(
                "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 {data} \
                     {bom}An application event log entry..."
            ),
            "app_name=evntslog facility=local4 format=rfc5424 hostname=mymachine.example.com \
             message=An application event log entry... msgid=ID47 \
             sd.exampleSDID@32473.eventID=1011 sd.exampleSDID@32473.eventSource=Application \
             sd.exampleSDID@32473.iut=3 severity=notice @2003-10-11T22:14:15.003Z",
        ),
        (
            format!(
                "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 \
                     {data}[examplePriority@32473 class=\"high\"]"
            ),
            "app_name=evntslog facility=local4 format=rfc5424 hostname=mymachine.example.com \
             msgid=ID47 sd.examplePriority@32473.class=high \
             sd.exampleSDID@32473.eventID=1011 sd.exampleSDID@32473.eventSource=Application \
             sd.exampleSDID@32473.iut=3 severity=notice @2003-10-11T22:14:15.003Z",
        ),
    ];
    for (message, expected) in table {
        assert_eq!(line(read(&message)), expected, "{message}");
    }
}

#[test]
fn the_times_and_the_data_of_rfc_5424_are_good_and_bad_as_it_says() {
    // Section 6.2.3.1: times, the last two of which are none.
    for (time, expected) in [
        ("1985-04-12T23:20:50.52Z", Some("1985-04-12T23:20:50.52Z")),
        (
            "1985-04-12T19:20:50.52-04:00",
            Some("1985-04-12T23:20:50.52Z"),
        ),
        ("2003-10-11T22:14:15.003Z", Some("2003-10-11T22:14:15.003Z")),
        (
            "2003-08-24T05:14:15.000003-07:00",
            Some("2003-08-24T12:14:15.000003Z"),
        ),
        ("2003-08-24T05:14:15.000000003-07:00", None),
    ] {
        let understood = read(format!("<34>1 {time} - - - - -"));
        let found = understood.observed_at.map(|time| time.to_string());
        assert_eq!(found.as_deref(), expected);
        assert_eq!(
            understood.malformed.is_empty(),
            expected.is_some(),
            "{time}"
        );
    }
    // Section 6.3.5: structured data, good and bad; `x=` says how many parameters there are.
    let one = "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]";
    let two = "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]\
               [examplePriority@32473 class=\"high\"]";
    for (data, parameters, is_good) in [
        (one.to_owned(), 3, true),
        (two.to_owned(), 4, true),
        // A space between elements ends the data; the second one is a message.
        (two.replace("][", "] ["), 3, true),
        // A space behind a bracket is no name.
        (two.replace("][", "][ "), 3, false),
        (
            "[sigSig ver=\"1\" rsID=\"1234\" iut=\"3\" signature=\"...\"]".to_owned(),
            4,
            true,
        ),
    ] {
        let understood = read(format!("<34>1 - - - - - {data}"));
        let good = understood.malformed.is_empty();
        let fields = understood.fields.into_map();
        let found = fields.keys().filter(|name| name.starts_with("sd.")).count();
        assert_eq!((found, good), (parameters, is_good), "{data}");
    }
    // Section 7.1.4 and 7.2.5: parameters that IANA registered; one comes twice.
    let message = "<34>1 - - - - - [timeQuality tzKnown=\"1\" isSynced=\"1\" \
                   syncAccuracy=\"60000000\"][origin ip=\"192.0.2.1\" ip=\"192.0.2.129\"]";
    assert_eq!(
        line(read(message)),
        "facility=auth format=rfc5424 sd.origin.ip=192.0.2.1 sd.origin.ip#2=192.0.2.129 \
         sd.timeQuality.isSynced=1 sd.timeQuality.syncAccuracy=60000000 sd.timeQuality.tzKnown=1 \
         severity=crit"
    );
}

#[test]
fn rfc_5424_at_its_edges() {
    let table: [(&[u8], &str); 15] = [
        (
            b"<0>1 - - - - - -",
            "facility=kern format=rfc5424 severity=emerg",
        ),
        (
            b"<191>1 - - - - - - x",
            "facility=local7 format=rfc5424 message=x severity=debug",
        ),
        (
            b"<34>1 - - - - - - ",
            "facility=auth format=rfc5424 severity=crit",
        ),
        (
            b"<34>1 - - - - - -  x",
            "facility=auth format=rfc5424 message= x severity=crit",
        ),
        (
            b"<34>1 - - - - - [a]",
            "facility=auth format=rfc5424 sd.a= severity=crit",
        ),
        (
            b"<34>1 - - - - - [a b=\"\\\"\\\\\\]\\n\"] m",
            "facility=auth format=rfc5424 message=m sd.a.b=\"\\]\\n severity=crit",
        ),
        (
            b"<34>1 - - - - - [a b=\"\"]",
            "facility=auth format=rfc5424 sd.a.b= severity=crit",
        ),
        (
            "<34>1 - - - - - [a b=\"ü\"] ü".as_bytes(),
            "facility=auth format=rfc5424 message=ü sd.a.b=ü severity=crit",
        ),
        (
            b"<34>1 - - - - - - a\xff",
            "facility=auth format=rfc5424 message=a\u{fffd} severity=crit",
        ),
        (
            b"<34>1 - - - - - - \xef\xbb\xbfa\xff",
            "facility=auth format=rfc5424 message=a\u{fffd} severity=crit !expected UTF-8 behind \
             the byte order mark, got other bytes",
        ),
        (
            b"<34>1 - - - - - - a\nb",
            "facility=auth format=rfc5424 message=a\nb severity=crit",
        ),
        (
            b"<34>1 2016-12-31T23:59:60Z - - - - -",
            "facility=auth format=rfc5424 severity=crit !expected a time like \
             2003-10-11T22:14:15.003Z or -",
        ),
        (
            b"<34>1 2003-10-11t22:14:15z - - - - -",
            "facility=auth format=rfc5424 severity=crit !expected a time like \
             2003-10-11T22:14:15.003Z or -",
        ),
        (
            b"<34>1 2003-10-11T22:14:15 - - - - -",
            "facility=auth format=rfc5424 severity=crit !expected a time like \
             2003-10-11T22:14:15.003Z or -",
        ),
        (
            b"<34>1 2003-10-11T24:14:15Z - - - - -",
            "facility=auth format=rfc5424 severity=crit !expected a time like \
             2003-10-11T22:14:15.003Z or -",
        ),
    ];
    for (message, expected) in table {
        assert_eq!(line(read(message)), expected, "{}", message.escape_ascii());
    }
}

/// Messages and what is said of them; `{x9}` stands for nine letters.
const BROKEN: &[(&str, &str)] = &[
    ("", "expected a priority in angle brackets"),
    ("hello", "expected a priority in angle brackets"),
    ("<>1 - - - - - -", "expected a priority in angle brackets"),
    ("<34", "expected a priority in angle brackets"),
    ("<-1>1 - - - - - -", "expected a priority in angle brackets"),
    (
        "<1000>1 - - - - - -",
        "expected a priority in angle brackets",
    ),
    ("<192>1 - - - - - -", "expected a priority of 0 to 191"),
    ("<034>1 - - - - - -", "expected a priority of 0 to 191"),
    ("<34>2 - - - - - -", "expected version 1, got 2"),
    ("<34>1 -", "expected a time and a space"),
    ("<34>1 - -", "expected a host name and a space"),
    ("<34>1 - - - - ", "expected a message id and a space"),
    ("<34>1 - - - - -", "expected a message id and a space"),
    ("<34>1 - - - - - ", "expected - or [ in the structured data"),
    (
        "<34>1 -  - - - - -",
        "a host name of 1 to 255 visible ASCII",
    ),
    (
        "<34>1 - hé - - - -",
        "a host name of 1 to 255 visible ASCII",
    ),
    (
        "<34>1 - {x256} - - - -",
        "a host name of 1 to 255 visible ASCII",
    ),
    ("<34>1 - - {x49} - - -", "an application name of 1 to 48"),
    ("<34>1 - - - {x129} - -", "a process id of 1 to 128"),
    ("<34>1 - - - - {x33} -", "a message id of 1 to 32"),
    (
        "<34>1 - - - - - x",
        "expected - or [ in the structured data",
    ),
    ("<34>1 - - - - - -x", "expected a space before the message"),
    (
        "<34>1 - - - - - [a]x",
        "expected a space before the message",
    ),
    ("<34>1 - - - - - []", "a name of 1 to 32 characters"),
    ("<34>1 - - - - - [a", "a space or ] in the structured data"),
    ("<34>1 - - - - - [a b]", "=\" behind a name"),
    ("<34>1 - - - - - [a b=c]", "=\" behind a name"),
    ("<34>1 - - - - - [a b=\"c]", "\\ before ] in a value"),
    ("<34>1 - - - - - [a b=\"c", "a closing quote"),
    ("<34>1 - - - - - [a b=\"c\\", "a closing quote"),
    ("<34>1 - - - - - [{x33}]", "a name of 1 to 32 characters"),
    ("<34>1 - - - - - [a b=\"c\"d=\"e\"]", "a space or ]"),
];

#[test]
fn what_breaks_the_rules_says_where_and_keeps_what_came_before() {
    for (message, says) in BROKEN {
        let long = |count: usize| "x".repeat(count);
        let long = [256, 49, 129, 33].map(|count| (format!("{{x{count}}}"), long(count)));
        let message = long.iter().fold((*message).to_owned(), |text, (from, to)| {
            text.replace(from, to)
        });
        let understood = read(&message);
        assert!(
            understood.malformed.contains(says),
            "{message}: {understood:?}"
        );
        let has_priority = message.starts_with("<34>");
        assert_eq!(
            understood.fields.get("severity").is_some(),
            has_priority,
            "{message}"
        );
    }
    let half = read("<34>1 2003-10-11T22:14:15Z host app - - [a b=\"c\"] [d");
    assert_eq!(half.fields.get("message"), Some("[d"));
    let half = read("<34>1 2003-10-11T22:14:15Z host app - - [a b=\"c\"][d");
    assert!(!half.malformed.is_empty());
    assert_eq!(half.fields.get("sd.a.b"), Some("c"));
    assert!(half.observed_at.is_some());
}

#[test]
fn every_cut_of_a_message_is_understood_as_far_as_it_goes() {
    let message = "<165>1 2003-10-11T22:14:15.003Z host app 1 ID47 [a b=\"c\\\"\"] \u{feff}text";
    for cut in 0..message.len() {
        let understood = read(&message.as_bytes()[..cut]);
        let is_whole = understood.malformed.is_empty();
        // Behind the data everything is a message.
        assert!(
            is_whole || cut < message.find("] ").unwrap() + 1,
            "{cut}: {understood:?}"
        );
    }
}

const OLD_FORMS: &[(&[u8], &str)] = &[
    // RFC 3164, section 5.4, examples 1 to 4.
    (
        b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        "app_name=su facility=auth format=rfc3164 hostname=mymachine message='su root' failed \
         for lonvick on /dev/pts/8 severity=crit @2026-10-11T20:14:15Z",
    ),
    (
        b"Use the BFG!",
        " !expected a priority in angle brackets, as in <34>, at the beginning",
    ),
    (
        b"<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time",
        "facility=local4 format=rfc3164 hostname=CST message=1987 mymachine myproc[10]: %% \
         It's time severity=notice @2026-08-24T03:34:00Z",
    ),
    (
        b"<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All",
        "facility=kern format=rfc3164 message=1990 Oct 22 10:52:01 TZ-6 \
         scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All severity=emerg",
    ),
    // logger and syslog(3) on a local socket.
    (
        b"<13>Nov 27 12:30:00 ada: hello",
        "app_name=ada facility=user format=rfc3164 message=hello severity=notice \
         @2026-11-27T11:30:00Z",
    ),
    (
        b"<86>Nov  7 12:30:00 sshd[123]: Accepted publickey for ada",
        "app_name=sshd facility=authpriv format=rfc3164 message=Accepted publickey for ada \
         procid=123 severity=info @2026-11-07T11:30:00Z",
    ),
    (
        b"<13>Nov 27 12:30:00 db-1 sshd[123]: a: b",
        "app_name=sshd facility=user format=rfc3164 hostname=db-1 message=a: b procid=123 \
         severity=notice @2026-11-27T11:30:00Z",
    ),
    // rsyslog with its forwarding format, which has the time of RFC 3339.
    (
        b"<13>2026-11-27T12:30:00.123456+01:00 db-1 ada: hello",
        "app_name=ada facility=user format=rfc3164 hostname=db-1 message=hello \
         severity=notice @2026-11-27T11:30:00.123456Z",
    ),
    (
        b"<13>Nov 27 12:30:00 2001:db8::1 app: x",
        "app_name=app facility=user format=rfc3164 hostname=2001:db8::1 message=x \
         severity=notice @2026-11-27T11:30:00Z",
    ),
    // No tag, no host, no time.
    (
        b"<13>Nov 27 12:30:00 host just words",
        "facility=user format=rfc3164 hostname=host message=just words severity=notice \
         @2026-11-27T11:30:00Z",
    ),
    (
        b"<13>Nov 27 12:30:00",
        "facility=user format=rfc3164 severity=notice @2026-11-27T11:30:00Z",
    ),
    (
        b"<13>app[7]: x",
        "app_name=app facility=user format=rfc3164 message=x procid=7 severity=notice",
    ),
    (
        b"<13>just words",
        "facility=user format=rfc3164 message=just words severity=notice",
    ),
    (b"<13>", "facility=user format=rfc3164 severity=notice"),
    (
        b"<13>Nov 31 12:30:00 host app: x",
        "facility=user format=rfc3164 message=Nov 31 12:30:00 host app: x severity=notice",
    ),
    (
        b"<13>Nov 27 12:30:00 host caf\xe9",
        "facility=user format=rfc3164 message=host caf\u{fffd} severity=notice \
         @2026-11-27T11:30:00Z !expected UTF-8 in the message, got other bytes",
    ),
    (
        b"<13>Nov 27 12:30:00 host app:",
        "app_name=app facility=user format=rfc3164 hostname=host severity=notice \
         @2026-11-27T11:30:00Z",
    ),
];

#[test]
fn what_programs_send_that_follow_rfc_3164_is_understood() {
    for (message, expected) in OLD_FORMS {
        assert_eq!(line(read(message)), *expected, "{}", message.escape_ascii());
    }
}

#[test]
fn a_time_without_a_year_is_the_one_next_to_the_arrival() {
    let zone = TimeZone::UTC;
    for (received, time, expected) in [
        (
            "2027-01-01T00:00:30Z",
            "Dec 31 23:59:59",
            "2026-12-31T23:59:59Z",
        ),
        (
            "2026-12-31T23:59:59Z",
            "Jan  1 00:00:05",
            "2027-01-01T00:00:05Z",
        ),
        (
            "2026-06-15T00:00:00Z",
            "Jun 15 00:00:00",
            "2026-06-15T00:00:00Z",
        ),
        (
            "2028-03-01T00:00:00Z",
            "Feb 29 23:00:00",
            "2028-02-29T23:00:00Z",
        ),
    ] {
        let arrival = Arrival {
            received: received.parse().unwrap(),
            zone: &zone,
        };
        let understood = parse(format!("<13>{time} h a: x").as_bytes(), arrival);
        let found = understood.observed_at.map(|time| time.to_string());
        assert_eq!(found.as_deref(), Some(expected), "{received} {time}");
    }
}
