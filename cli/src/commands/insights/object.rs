//! Insights as a JSON object.

use countersign_proto::v1;
use serde_json::{Map, Value, json};

use countersign_chatbot::figures::Insights;
use countersign_chatbot::figures::names;
use countersign_proto::reading::rating;
use countersign_proto::reading::text::wire;

/// Everything that is told. Delays are in milliseconds.
pub(super) fn insights(told: &Insights) -> Value {
    let Insights {
        delays,
        activity,
        open,
    } = told;
    let period = delays.period.as_ref();
    json!({
        "since": wire(period.and_then(|period| period.since.as_ref())),
        "until": wire(period.and_then(|period| period.until.as_ref())),
        "cases": delays.cases,
        "entries": delays.entries,
        "delays": steps(&delays.delays),
        "by": delays.breakdowns.iter().map(breakdown).collect::<Map<_, _>>(),
        "activity": self::activity(activity),
        "open_issues": open.issues.iter().map(issue).collect::<Value>(),
        "open_issues_left_off": open.left_off,
        "open_cases": open.open_cases,
    })
}

fn steps(delays: &[v1::Delay]) -> Value {
    let one = |delay: &v1::Delay| {
        let value = json!({
            "cases": delay.cases,
            "p50_ms": delay.p50_millis,
            "p95_ms": delay.p95_millis,
            "max_ms": delay.max_millis,
        });
        (names::step(delay.step()).0.to_owned(), value)
    };
    Value::Object(delays.iter().map(one).collect())
}

fn breakdown(breakdown: &v1::Breakdown) -> (String, Value) {
    let row = |row: &v1::DelayRow| {
        let delays = steps(&row.delays);
        json!({ "key": row.key, "cases": row.cases, "delays": delays })
    };
    let value = json!({
        "rows": breakdown.rows.iter().map(row).collect::<Value>(),
        "left_off": breakdown.left_off,
    });
    (names::dimension(breakdown.by()).to_owned(), value)
}

fn activity(activity: &v1::GetActivityResponse) -> Value {
    let tally = activity.tally.unwrap_or_default();
    let sums = names::sums(&tally);
    let sums = sums
        .iter()
        .map(|(name, _, sum)| ((*name).to_owned(), json!(sum)));
    let opinions = activity.opinions.unwrap_or_default();
    json!({
        "tally": sums.collect::<Map<_, _>>(),
        "refusals": counts(&activity.refusals),
        "policies": counts(&activity.policies),
        "days": activity.days.iter().map(day).collect::<Value>(),
        "hours_of_week": activity.hours_of_week,
        "opinions": {
            "access_sufficient": {
                "requesters": answers(opinions.access_requesters.as_ref()),
                "deciders": answers(opinions.access_deciders.as_ref()),
            },
            "wait_acceptable": {
                "requesters": answers(opinions.wait_requesters.as_ref()),
                "deciders": answers(opinions.wait_deciders.as_ref()),
            },
        },
        "remarks": activity.remarks.iter().map(remark).collect::<Value>(),
    })
}

fn counts(counts: &[v1::Count]) -> Value {
    let one = |count: &v1::Count| json!({ "name": count.name, "count": count.count });
    counts.iter().map(one).collect()
}

fn day(day: &v1::Day) -> Value {
    json!({
        "day": wire(day.day.as_ref()).get(..10),
        "cases": day.cases,
        "granted": day.granted,
        "break_glass": day.break_glass,
        "refused": day.refused,
    })
}

fn answers(answers: Option<&v1::Answers>) -> Value {
    let (yes, partly, no) = names::answers(answers);
    json!({ "yes": yes, "partly": partly, "no": no })
}

fn remark(remark: &v1::Remark) -> Value {
    json!({
        "case": remark.case,
        "index": remark.index,
        "person": remark.person,
        "resource": remark.resource,
        "access_sufficient": rating(remark.access_sufficient()),
        "wait_acceptable": rating(remark.wait_acceptable()),
        "comment": remark.comment,
    })
}

fn issue(issue: &v1::OpenIssue) -> Value {
    json!({
        "kind": names::issue(issue.kind()).0,
        "case": issue.case,
        "person": issue.person,
        "resource": issue.resource,
        "since": wire(issue.since.as_ref()),
        "waits_for": issue.waits_for,
        "late": issue.late,
    })
}
