//! The tables of roles as a page of the documentation, `docs/roles.md`.

use std::fmt::Write as _;

use crate::identity::role::{Deadline, KINDS, METHODS, Role};

const HEAD: &str = "\
# Roles

A client's role stands in its certificate. This page says what each role may do. It is generated
from `ledger/src/identity/role.rs`, the only place where these rules are written; a test compares
the two. To write it anew:

```
COUNTERSIGN_REGENERATE=1 cargo test -p countersign-ledger --lib roles_page_is_fresh
```
";

/// The page in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n## Calls\n\nA call that is not listed is refused.\n\n");
    head(&mut page, "Method", "Deadline");
    for method in METHODS {
        let deadline = match method.deadline {
            Deadline::Required => "required",
            Deadline::Optional => "optional",
        };
        let name = method.path.trim_start_matches('/');
        row(&mut page, [name, deadline], method.roles);
    }
    page.push_str(
        "\n## Events\n\nWhich events a role may append. Kinds that are not listed, among them all \
         kinds of the log\nitself (1 to 19), are written by the ledger only.\n\n",
    );
    head(&mut page, "Event", "Kind");
    for rule in KINDS {
        row(&mut page, [rule.name, &rule.kind.to_string()], rule.roles);
    }
    page
}

fn head(page: &mut String, first: &str, second: &str) {
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    line(
        page,
        format_args!("| {first} | {second} | {} |", roles.join(" | ")),
    );
    line(
        page,
        format_args!("|---|---|{}", ":-:|".repeat(roles.len())),
    );
}

fn row(page: &mut String, [name, detail]: [&str; 2], allowed: &[Role]) {
    let marks: Vec<&str> = Role::ALL
        .iter()
        .map(|role| if allowed.contains(role) { "yes" } else { "" })
        .collect();
    line(
        page,
        format_args!("| `{name}` | {detail} | {} |", marks.join(" | ")),
    );
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn roles_page_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/roles.md");
        let page = super::markdown();
        if std::env::var_os("COUNTERSIGN_REGENERATE").is_some_and(|value| value == "1") {
            fs::write(&path, &page).expect("docs/roles.md can be written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == page,
            "docs/roles.md is stale; its first lines say how to write it anew"
        );
    }
}
