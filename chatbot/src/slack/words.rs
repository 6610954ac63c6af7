//! What the app says, where the ledger and the cards do not.

use serde_json::{Value, json};

use crate::account::Account;
use crate::limits::SLACK_SECTION;
use crate::slack::blocks::{escaped, link, paragraph, rich, section};

/// That the ledger is slow.
pub(super) const SLOW: &str = "The ledger has not answered yet. You will read here what came of \
                               it; a second click is not needed.";
/// That the answer comes later.
pub(super) const SOON: &str = "One moment: the ledger is being asked.";
/// That Slack did not open a form.
pub(super) const NO_FORM: &str = "Slack did not open the form in time, so nothing was done. \
                                  Please try again.";
/// That a button is of another version, or of nobody.
pub(super) const NO_BUTTON: &str = "This button is not known here, so nothing was done. The \
                                    command /access list shows what waits for you.";
/// That something cannot be done now.
pub(super) const STALE: &str = "This cannot be done now, or is not for you to do, so nothing was \
                                done. The card shows how the case stands.";
/// That there is nothing to ask for.
pub(super) const NOTHING: &str = "The policy lets you ask for nothing here. An administrator can \
                                  say why: countersign policy show.";

const HELP: &str = "Countersign: access that is asked for, decided and recorded.\n\
                    /access request - ask for access\n\
                    /access break-glass - take access at once, in an emergency; others look at it \
                    afterwards\n\
                    /access list - what waits for you, what is yours, and who has access now\n\
                    /access help - this";

/// What can be done, and where else.
pub(super) fn help(inbox: Option<&str>) -> String {
    match inbox {
        Some(url) => format!("{HELP}\nIn a browser: {url}"),
        None => HELP.to_owned(),
    }
}

/// Words for one person, and an address that is for them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) words: String,
    pub(super) link: Option<String>,
}

impl<T: Into<String>> From<T> for Said {
    fn from(words: T) -> Self {
        Self {
            words: words.into(),
            link: None,
        }
    }
}

impl Said {
    /// As text without markup.
    pub(super) fn text(&self) -> String {
        match &self.link {
            Some(link) => format!("{}\n{link}", self.words),
            None => self.words.clone(),
        }
    }

    /// As blocks. Slack makes no link of an address in plain words, so that has its own.
    pub(super) fn blocks(&self) -> Vec<Value> {
        let mut blocks = vec![section(&crate::text::lines(&self.words))];
        let link = self.link.iter().map(|url| link(url, LINK));
        blocks.extend(link.map(|link| rich(&[paragraph(&[link])])));
        blocks
    }
}

/// On the link to the page that asks whose an account is.
const LINK: &str = "This account is mine";

/// What somebody reads whose account the ledger does not know: what was not done, and who can
/// change that. `link` leads to the page of the inbox on which they can do it themselves.
pub(super) fn unknown_user_words(account: &Account, home: &str, link: Option<String>) -> Said {
    const ONESELF: &str = "say in the inbox that the account is yours: once, within ten minutes, \
                           and only by a link that you have asked for.";
    let (user, tenant) = (&account.user, &account.tenant);
    let words = if tenant == home {
        let oneself = match link {
            Some(_) => format!(", or you {ONESELF}"),
            None => ".".to_owned(),
        };
        format!(
            "The ledger does not know your Slack account {user}, so nothing was done. An \
             administrator can give your person in the policy this id{oneself}"
        )
    } else {
        // The ids in the policy are those of the home organisation.
        let oneself = match link {
            Some(_) => format!("You can {ONESELF}"),
            None => "Such an account becomes known in the inbox only, and this bot knows no \
                     address of it: the operator of the bot can set inbox_url."
                .to_owned(),
        };
        format!(
            "Your Slack account {user} is one of another organisation, {tenant}, and the ledger \
             does not know it, so nothing was done. {oneself}"
        )
    };
    Said { words, link }
}

/// An answer that one person alone sees. Its words are never markup.
pub(super) fn alone(said: impl Into<Said>) -> Value {
    let said = said.into();
    json!({
        "response_type": "ephemeral",
        "replace_original": false,
        "text": escaped(&said.text(), SLACK_SECTION),
        "blocks": said.blocks(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Platform;

    #[test]
    fn an_unknown_account_is_told_what_can_help_and_nothing_else() {
        let account = |tenant: &str| Account {
            platform: Platform::Slack,
            tenant: tenant.to_owned(),
            user: "U7".to_owned(),
        };
        let link = || Some("https://inbox.example.com/link/0".to_owned());
        let own = unknown_user_words(&account("T1"), "T1", None);
        assert!(
            own.words.ends_with("in the policy this id."),
            "{}",
            own.words
        );
        let own = unknown_user_words(&account("T1"), "T1", link());
        assert!(own.words.contains("this id, or you say"), "{}", own.words);
        for (link, words) in [(link(), "You can say in the inbox"), (None, "inbox_url")] {
            let guest = unknown_user_words(&account("T2"), "T1", link).words;
            assert!(guest.contains("another organisation, T2"), "{guest}");
            assert!(guest.contains(words), "{guest}");
            assert!(
                !guest.contains("in the policy"),
                "it counts for nothing: {guest}"
            );
        }
    }
}
