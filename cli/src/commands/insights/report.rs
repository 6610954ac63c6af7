//! Insights as a page of their own: no script, no font, no picture from elsewhere.

use countersign_chain::checkpoint::SignedCheckpoint;
use countersign_chatbot::figures::{self, Insights};
use countersign_proto::v1;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::output::grouped;

/// Nothing but the page itself may be used to show it.
const CONTENT: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = include_str!("report/style.css");

/// The page.
pub(super) fn html(told: &Insights, checkpoint: &SignedCheckpoint) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Production access: " (figures::period(&told.delays)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Production access" }
                    p { "Cases opened " (figures::period(&told.delays)) ", and what came of them." }
                    (figures::head(told))
                }
                main {
                    (figures::body(told))
                }
                footer { (evidence(&told.delays, checkpoint)) }
            }
        }
    };
    markup.into_string()
}

fn evidence(delays: &v1::GetDelaysResponse, checkpoint: &SignedCheckpoint) -> Markup {
    html! {
        p {
            "Read from " (grouped(delays.entries)) " entries of the log "
            code { (checkpoint.checkpoint().origin) } ", as of size " (grouped(checkpoint.size()))
            " and root " code { (checkpoint.root()) } ". Whoever has the log can read the same "
            "from it, and " code { "countersign verify" } " tells whether it was changed."
        }
    }
}
