//! Jobs: what takes time. Each ends within a limit and brings back an outcome.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{Done, Served};
use crate::limits::{MAX_FINDINGS, PROVISION_LIMIT};
use crate::provision::book::{Anew, Outcome, Task};
use crate::provision::config::OnDrift;
use crate::provision::deliver::NO_WAY;
use crate::provision::drift::Seen;
use crate::provision::ledger::{Ledger, Word};
use crate::provision::provisioner::{
    Doing, Drift, Ending, Failure, Finding, Grant, Made, Proof, Standing,
};

/// How much is done at the same time.
#[derive(Debug, Clone)]
pub(super) struct Permits {
    pub(super) making: Arc<Semaphore>,
    pub(super) removing: Arc<Semaphore>,
}

/// Cuts off what does not end.
pub(super) async fn limited<T>(doing: Doing<'_, T>) -> Result<T, Failure> {
    match tokio::time::timeout(PROVISION_LIMIT, doing).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(format!(
            "it did not end within {PROVISION_LIMIT:?}; what came of it is not known"
        ))),
    }
}

pub(super) async fn perform<L: Ledger>(
    ledger: L,
    served: Arc<Served>,
    task: Task,
    permits: Permits,
) -> Done {
    match task {
        Task::Make(grant, anew) => {
            let _permit = permits.making.acquire_owned().await;
            let outcome = make(&ledger, &served, &grant, anew).await;
            Done::Acted(grant.grant, outcome)
        }
        Task::Extend(grant) => {
            let _permit = permits.making.acquire_owned().await;
            let made = limited(served.provisioner.extend(&grant)).await;
            let made = deliver(&served, &grant, made).await;
            Done::Acted(grant.grant, Outcome::Extended(made))
        }
        Task::Remove(grant, ending) => {
            let _permit = permits.removing.acquire_owned().await;
            let removed = remove(&served, &grant, ending).await;
            Done::Acted(grant.grant, Outcome::Removed(removed))
        }
        Task::Report(report) => {
            let result = ledger.report(report.clone()).await;
            Done::Reported(report, result)
        }
    }
}

/// Access is made when the ledger itself says at this moment that it should be. What it wrote and
/// did not seal yet is waited for.
async fn make<L: Ledger>(ledger: &L, served: &Served, grant: &Grant, anew: Anew) -> Outcome {
    let (number, provisioner) = (grant.grant, &served.name);
    match (ledger.word(grant.case, number).await, anew) {
        (
            Ok(Word {
                active: true,
                made: false,
            }),
            _,
        )
        | (Ok(Word { active: true, .. }), Anew::Again) => {}
        (Ok(word), _) => {
            tracing::debug!(
                number,
                ?word,
                "the ledger knows more; waiting for its entries"
            );
            return Outcome::NotNow;
        }
        (Err(error), _) => {
            tracing::warn!(number, error, "cannot ask about a grant; its access waits");
            return Outcome::NotNow;
        }
    }
    // If we stop here, nothing happened.
    let made = limited(served.provisioner.make(grant)).await;
    // If we stop here, access exists that nobody can use; the next run makes its credential anew.
    let made = deliver(served, grant, made).await;
    // If we stop here, the next run makes and delivers a new credential, and reports that.
    if let Ok(made) = &made {
        let (target, person) = (&made.target, &grant.person);
        tracing::info!(number, provisioner, target, person, "access is made");
    }
    Outcome::Made(made)
}

/// Hands the credential over; it is forgotten here but for its digest.
async fn deliver(
    served: &Served,
    grant: &Grant,
    made: Result<Made, Failure>,
) -> Result<Made, Failure> {
    let mut made = made?;
    let Some(credential) = made.credential.take() else {
        return Ok(made);
    };
    let Some(delivery) = &served.delivery else {
        return Err(Failure::new(NO_WAY));
    };
    limited(delivery.deliver(grant, &credential)).await?;
    made.credential = Some(credential.without_content());
    Ok(made)
}

/// A grant that is over leaves no credential behind, also when its access cannot be removed yet.
async fn remove(served: &Served, grant: &Grant, ending: Ending) -> Result<Proof, Failure> {
    let removed = limited(served.provisioner.remove(grant, ending)).await;
    // If we stop here, the next run finds nothing to remove, and the log knows that it was made.
    let (number, provisioner) = (grant.grant, &served.name);
    if let Ok(proof) = &removed {
        let proof_text = &proof.text;
        tracing::info!(number, provisioner, proof_text, "access is removed");
    }
    if let Some(delivery) = &served.delivery
        && let Err(failure) = limited(delivery.withdraw(grant)).await
    {
        tracing::warn!(number, %failure, "a credential that is over stays where it was put");
    }
    removed
}

/// Mends what was found, when that is wanted, and says what was mended.
pub(super) async fn mend(served: &Served, mut seen: Vec<Seen>, standing: &[Standing]) -> Vec<Seen> {
    let provisioner = &served.name;
    if seen.len() > MAX_FINDINGS {
        let count = seen.len();
        tracing::error!(
            provisioner,
            count,
            "too many differences; the rest is not told"
        );
        seen.truncate(MAX_FINDINGS);
    }
    for one in &mut seen {
        let (target, grant) = (&one.finding.target, one.finding.grant);
        let (drift, detail) = (one.finding.drift, &one.finding.detail);
        if one.is_loud {
            tracing::error!(
                provisioner,
                target,
                grant,
                ?drift,
                detail,
                "access has drifted"
            );
        } else {
            tracing::debug!(
                provisioner,
                target,
                grant,
                ?drift,
                detail,
                "it still drifts"
            );
        }
        if served.on_drift == OnDrift::Report || drift == Drift::Missing {
            continue;
        }
        match limited(served.provisioner.mend(&one.finding, one.grant.as_ref())).await {
            Ok(()) => one.mended = true,
            Err(failure) => {
                if one.is_loud {
                    tracing::error!(provisioner, target, %failure, "cannot mend it");
                } else {
                    tracing::debug!(provisioner, target, %failure, "still not mended");
                }
                one.unmended = Some(failure);
            }
        }
    }
    if seen.iter().any(|one| one.mended) {
        look_again(served, &mut seen, standing).await;
    }
    seen
}

/// What is still there was not mended, whatever the mending said.
async fn look_again(served: &Served, seen: &mut [Seen], standing: &[Standing]) {
    let provisioner = &served.name;
    let left = match limited(served.provisioner.inspect(standing)).await {
        Ok(left) => left,
        Err(failure) => {
            tracing::error!(provisioner, %failure, "cannot see whether it was mended");
            seen.iter_mut().for_each(|one| one.mended = false);
            return;
        }
    };
    for one in seen.iter_mut().filter(|one| one.mended) {
        let (target, grant) = (&one.finding.target, one.finding.grant);
        // What was mended in part reads differently now, and is not mended.
        let mut same = left
            .iter()
            .filter(|other| other.target == *target && other.grant == grant);
        if let Some(Finding { detail, .. }) = same.next() {
            if one.is_loud {
                tracing::error!(
                    provisioner,
                    target,
                    grant,
                    detail,
                    "it is still there, although mending it did not fail"
                );
            }
            one.mended = false;
        }
    }
}
