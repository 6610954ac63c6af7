//! Shells that tell their commands.

use super::*;

fn seen(session: &fixture::Running) -> Vec<(String, Option<i32>)> {
    let commands = session.commands().into_iter();
    commands
        .map(|command| (command.command, command.exit_status))
        .collect()
}

fn expected(commands: &[(&str, Option<i32>)]) -> Vec<(String, Option<i32>)> {
    commands
        .iter()
        .map(|(command, status)| ((*command).to_owned(), *status))
        .collect()
}

/// Runs a shell, and gives it lines one by one, each after its prompt, which counts them.
async fn shell(argv: &[&str], lines: &[&str]) -> (fixture::Running, Ended) {
    let terminals = Terminals::new();
    let command: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let mut session = Fixture::new().on(&terminals).start(command);
    for (at, line) in lines.iter().enumerate() {
        session.shown(&format!("ready{at}>")).await;
        terminals.type_in(&format!("{line}\r"));
    }
    let ended = session.ended().await.unwrap();
    (session, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_tells_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    let rc = folder.path().join("rc");
    std::fs::write(
        &rc,
        "n=-1; PROMPT_COMMAND='n=$((n+1))'; PS1='ready$n>'; PS2='more>'; HISTFILE=; \
         HISTCONTROL=ignoreboth; HISTIGNORE='hidden*'\n",
    )
    .unwrap();
    let lines = [
        "cd /tmp",
        "echo 'two words' \"and $((1+1))\" | cat",
        "(exit 7)",
        "for i in 1 2; do\recho $i\rdone",
        "echo 'a\rb'",
        "false",
        " echo leading space",
        "true",
        "true",
        "hidden_command",
        "printf 'é€'",
        "",
        "history | wc -l | sed 's/^/lines /'",
        "exit 9",
    ];
    let argv = ["bash", "--rcfile", rc.to_str().unwrap()];
    let (session, ended) = shell(&argv, &lines).await;
    assert_eq!(ended.exit_status, 9);
    let all = [
        ("cd /tmp", Some(0)),
        ("echo 'two words' \"and $((1+1))\" | cat", Some(0)),
        ("(exit 7)", Some(7)),
        ("for i in 1 2; do echo $i; done", Some(0)),
        ("echo 'a\nb'", Some(0)),
        ("false", Some(1)),
        (" echo leading space", Some(0)),
        ("true", Some(0)),
        ("true", Some(0)),
        ("hidden_command", Some(127)),
        ("printf 'é€'", Some(0)),
        ("history | wc -l | sed 's/^/lines /'", Some(0)),
        ("exit 9", None),
    ];
    assert_eq!(seen(&session), expected(&all));
    let commands = session.commands();
    let numbers: Vec<u64> = commands.iter().map(|command| command.number).collect();
    assert_eq!(numbers, (1..=13).collect::<Vec<u64>>());
    assert_eq!(ended.recording.commands, 13);
    assert!(commands.iter().all(|command| command.source == "bash"));
    let here = std::env::current_dir().unwrap();
    assert_eq!(commands[0].directory, here.to_str().unwrap());
    assert_eq!(commands[1].directory, "/tmp");
    assert!(
        commands
            .iter()
            .all(|command| command.started_at.unwrap().seconds >= 1_782_000_000)
    );
    // What the user keeps out of the history is not in it: 10 of 13 commands, of which one spans
    // two lines, and the one that asks.
    let recorded = session.recorded().await;
    assert!(recorded.contains("lines 10"), "{recorded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn zsh_tells_its_commands() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(".zshrc"),
        "n=-1; precmd() { n=$((n+1)); }; setopt prompt_subst hist_ignore_space; \
         PS1='ready$n>'; PS2='more>'; unset zle_bracketed_paste; \
         unsetopt zle prompt_cr prompt_sp\n",
    )
    .unwrap();
    let lines = [
        "cd /tmp",
        "(exit 7)",
        "for i in 1 2; do\recho $i\rdone",
        "echo 'a\rb'",
        " echo leading space",
        "echo \"$ZDOTDIR.\"",
        "exit 9",
    ];
    let folder = folder.path();
    let wrapper = folder.join("zsh");
    let real = which("zsh");
    let mut script = "#!/bin/sh\n".to_owned();
    script.push_str(&format!(
        "COUNTERSIGN_ZDOTDIR='{}' exec {real} \"$@\"\n",
        folder.display()
    ));
    std::fs::write(&wrapper, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&wrapper, mode).unwrap();
    let (session, ended) = shell(&[wrapper.to_str().unwrap()], &lines).await;
    assert_eq!(ended.exit_status, 9);
    let all = [
        ("cd /tmp", Some(0)),
        ("(exit 7)", Some(7)),
        ("for i in 1 2; do\necho $i\ndone", Some(0)),
        ("echo 'a\nb'", Some(0)),
        (" echo leading space", Some(0)),
        ("echo \"$ZDOTDIR.\"", Some(0)),
        ("exit 9", None),
    ];
    assert_eq!(seen(&session), expected(&all));
    let commands = session.commands();
    assert!(commands.iter().all(|command| command.source == "zsh"));
    assert_eq!(commands[1].directory, "/tmp");
    let recorded = session.recorded().await;
    assert!(
        recorded.contains(&format!("{}.", folder.display())),
        "the user's own: {recorded}"
    );
}

/// Where a program is; zsh is no part of every machine, and this test needs it.
fn which(program: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let mut found = path.split(':').map(|folder| format!("{folder}/{program}"));
    let found = found.find(|path| std::path::Path::new(path).exists());
    found.unwrap_or_else(|| panic!("expected {program}; install the package {program}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_command_is_told_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let rc = folder.path().join("rc");
    std::fs::write(&rc, "PS1='ready0>'; HISTFILE=\n").unwrap();
    let terminals = Terminals::new();
    let command = vec!["bash".into(), "--rcfile".into(), rc.into_os_string()];
    let mut session = Fixture::new().on(&terminals).start(command);
    session.shown("ready0>").await;
    terminals.type_in("sleep 1000\r");
    at_most(Duration::from_secs(20), async {
        while session.commands().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(seen(&session), expected(&[("sleep 1000", None)]));
    session.stop.cancel();
    session.ended().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_is_left_as_it_is_when_that_is_asked_for() {
    let mut fixture = Fixture::new();
    fixture.options.commands = Commands::Left;
    let mut session = fixture.start(vec!["bash".into(), "--norc".into()]);
    session.type_in("echo \"[$PS0]\"; exit\n");
    session.ended().await.unwrap();
    assert!(session.screen_at_end().await.contains("[]"));
    assert_eq!(session.commands(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_tells_its_queries_through_its_log() {
    let folder = tempfile::tempdir().unwrap();
    // What psql does with a log: it opens it for appending, and writes queries and results.
    let script = "#!/bin/sh\n[ \"$1 $3\" = '--log-file -X' ] || exit 3\nexec 3>>\"$2\"\n\
        while read query; do printf '********* QUERY **********\\n%s\\n' \"$query\" >&3\n\
        printf '**************************\\n\\n' >&3\n\
        echo 'one row' | tee -a /dev/fd/3\ndone\n";
    let program = folder.path().join("psql");
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let mut session = Fixture::new().start(vec![program.into_os_string(), "-X".into()]);
    session.type_in("select 1;\nselect 2;\n");
    session.close_input();
    let ended = session.ended().await.unwrap();
    assert_eq!((ended.exit_status, ended.recording.commands), (0, 2));
    assert_eq!(
        seen(&session),
        expected(&[("select 1;", None), ("select 2;", None)])
    );
    assert!(
        session
            .commands()
            .iter()
            .all(|command| command.source == "psql")
    );
    assert_eq!(session.screen_at_end().await, "one row\r\none row\r\n");
    assert!(
        session
            .notices_at_end()
            .await
            .contains("the commands that psql tells")
    );
}
