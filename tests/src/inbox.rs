//! The web inbox as the real program serves it, before a real ledger.

use std::process::Command;

use crate::browser::Browser;
use crate::program::Program;
use crate::stage::Stage;

/// A running inbox with its ledger, under the starter policy.
#[derive(Debug)]
pub struct Inbox {
    /// The ledger.
    pub stage: Stage,
    /// Its address.
    pub url: String,
    /// Sign-in links, in the order in which they were asked for.
    pub links: Vec<String>,
    program: Program,
}

/// Starts the program, and reads what it prints: the address, and as many links.
///
/// # Panics
/// When it does not print them.
#[must_use]
pub fn serve(command: &mut Command, links: usize) -> (Program, String, Vec<String>) {
    let program = Program::start(command);
    let last = |said: String| {
        let word = said.trim_end().rsplit(' ').next();
        word.unwrap_or_default().to_owned()
    };
    let url = last(program.prints("The inbox is at"));
    let links = (0..links).map(|_| last(program.prints("Sign in as")));
    let links = links.collect();
    (program, url, links)
}

/// A browser into which this link of an inbox has let somebody.
///
/// # Panics
/// When it does not.
pub async fn enter(url: &str, link: &str) -> Browser {
    let mut browser = Browser::new(url, None);
    let link = link.replace(url, "");
    let entered = browser.fill(&link, &link, &[]).await;
    assert_eq!((entered.status, entered.location()), (303, "/"));
    browser
}

impl Inbox {
    /// With a link for each of these people, and these arguments as well.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(people: &[&str], more: &[&str]) -> Self {
        let stage = Stage::open("inbox", &["ada", "bruno"]).await;
        stage.put_starter(|_, _| {});
        let links = people.iter().flat_map(|name| ["--link", name]);
        let words: Vec<&str> = links.chain(more.iter().copied()).collect();
        let (program, url, links) = serve(&mut stage.chatbot(&words), people.len());
        Self {
            stage,
            url,
            links,
            program,
        }
    }

    /// The path of a link.
    #[must_use]
    pub fn link(&self, number: usize) -> String {
        self.links[number].replace(&self.url, "")
    }

    /// A browser in which this one of the people has signed in.
    pub async fn browser(&self, number: usize) -> Browser {
        enter(&self.url, &self.links[number]).await
    }

    /// Stops everything; the log must be intact.
    ///
    /// # Panics
    /// When it is not.
    pub fn end(mut self) {
        self.program.kill();
        self.stage.end();
    }
}
