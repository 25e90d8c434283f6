//! Who may use whom: every `crate::…` path in `src` is held against the table in the design
//! (section 4).

use std::fs;
use std::path::{Path, PathBuf};

const ALL: &[&str] = &[
    "cli",
    "clock",
    "config",
    "daemon",
    "domain",
    "notify",
    "pipeline",
    "providers",
    "sandbox",
    "store",
    "web",
];

/// Each part and what it may use besides itself; `None` for a part that the table does not have.
fn may_use(part: &str) -> Option<&'static [&'static str]> {
    Some(match part {
        // Pure, or a world of its own, or used by many.
        "domain" | "sandbox" | "clock" => &[],
        "config" => &["domain"],
        "providers" | "store" | "notify" => &["config", "domain"],
        "pipeline" => &["clock", "config", "domain", "notify", "providers", "store"],
        "daemon" | "web" => &["clock", "config", "domain", "pipeline", "store"],
        "cli" => ALL,
        "main" => &["cli"],
        // The module list.
        "lib" => &[],
        _ => return None,
    })
}

/// What a file uses against the table, one sentence each.
fn violations(file: &Path, text: &str) -> Vec<String> {
    let segments: Vec<&str> = file.iter().map(|part| part.to_str().unwrap()).collect();
    let part = segments[0].trim_end_matches(".rs");
    let Some(allowed) = may_use(part) else {
        return vec![format!("{}: `{part}` is not in the table", file.display())];
    };
    // How many `super` lead to the crate's root.
    let named = !matches!(file.file_name().unwrap().to_str(), Some("mod.rs" | "lib.rs" | "main.rs"));
    let depth = segments.len() - 1 + usize::from(named);
    used(&tokens(text), depth)
        .into_iter()
        .filter(|other| other != part && !allowed.contains(&other.as_str()))
        .map(|other| format!("{}: `{part}` may not use `{other}`", file.display()))
        .collect()
}

/// The parts that paths from the crate's root lead into.
fn used(tokens: &[String], depth: usize) -> Vec<String> {
    let mut used = Vec::new();
    // Inline modules, by the brace depth at which they opened.
    let mut modules: Vec<usize> = Vec::new();
    let mut braces = 0;
    let mut at = 0;
    while at < tokens.len() {
        let is = |offset: usize, text: &str| tokens.get(at + offset).is_some_and(|t| t == text);
        match tokens[at].as_str() {
            "{" => {
                if at >= 2 && tokens[at - 2] == "mod" {
                    modules.push(braces);
                }
                braces += 1;
            }
            "}" => {
                braces = braces.saturating_sub(1);
                if modules.last() == Some(&braces) {
                    modules.pop();
                }
            }
            "crate" | "mentord" if is(1, "::") => heads(&tokens[at + 2..], &mut used),
            "crate" if is(1, "as") => used.push("the whole crate".to_owned()),
            "super" if at == 0 || tokens[at - 1] != "::" => {
                let mut climbed = 1;
                while is(2 * climbed - 1, "::") && is(2 * climbed, "super") {
                    climbed += 1;
                }
                if climbed >= depth + modules.len() && is(2 * climbed - 1, "::") {
                    heads(&tokens[at + 2 * climbed..], &mut used);
                }
            }
            _ => {}
        }
        at += 1;
    }
    used
}

/// The first segment of a path, or of each path in a `{…}` group.
fn heads(tokens: &[String], used: &mut Vec<String>) {
    let head = |token: &String| match token.as_str() {
        "*" | "self" => "the whole crate".to_owned(),
        name => name.to_owned(),
    };
    let Some(first) = tokens.first() else { return };
    if first != "{" {
        used.push(head(first));
        return;
    }
    let mut braces = 0;
    let mut begins = true;
    for token in tokens {
        match token.as_str() {
            "{" => braces += 1,
            "}" => braces -= 1,
            "," => begins = braces == 1,
            _ if begins && braces == 1 => {
                used.push(head(token));
                begins = false;
            }
            _ => {}
        }
        if braces == 0 {
            return;
        }
    }
}

/// Words, `::` and single signs, without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let starts = |at: usize, sign: &str| sign.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    let find =
        |from: usize, sign: &str| (from..chars.len()).find(|&at| starts(at, sign)).unwrap_or(chars.len());
    let mut tokens: Vec<String> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
        if starts(at, "//") {
            at = find(at, "\n");
        } else if starts(at, "/*") {
            let mut open = 1;
            at += 2;
            while open > 0 && at < chars.len() {
                open = open + usize::from(starts(at, "/*")) - usize::from(starts(at, "*/"));
                at += 1 + usize::from(starts(at, "/*") || starts(at, "*/"));
            }
        } else if c == 'r' && chars.get(at + 1 + hashes) == Some(&'"') {
            let end = format!("\"{}", "#".repeat(hashes));
            at = find(at + 2 + hashes, &end) + 1 + hashes;
        } else if c == '"' {
            at += 1;
            while at < chars.len() && chars[at] != '"' {
                at += 1 + usize::from(chars[at] == '\\');
            }
            at += 1;
        } else if c == '\'' && chars.get(at + 1) == Some(&'\\') {
            at = find(at + 3, "'") + 1;
        } else if c == '\'' && chars.get(at + 2) == Some(&'\'') {
            at += 3;
        } else if c.is_alphanumeric() || c == '_' {
            let word = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_');
            let word: String = word.collect();
            at += word.chars().count();
            // Of a raw or byte string, the prefix is left over: br"…".
            tokens.push(word);
        } else if starts(at, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.to_string());
            }
            at += 1;
        }
    }
    tokens
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn imports_follow_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "the sources were found");
    let broken: Vec<String> = files
        .iter()
        .flat_map(|file| violations(file.strip_prefix(&src).unwrap(), &fs::read_to_string(file).unwrap()))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The checker itself: what it must find.
#[test]
fn offenders_are_found() {
    let offenders = [
        ("domain/judge.rs", "use crate::store::Store;", "store"),
        ("domain/mod.rs", "use super::config;", "config"),
        ("domain/judge.rs", "use super::super::config;", "config"),
        ("domain/judge.rs", "fn now() { crate::clock::now() }", "clock"),
        ("domain/judge.rs", "mod tests { use super::super::super::web::x; }", "web"),
        ("providers/google/auth.rs", "use crate::{domain::{a, b}, store::x};", "store"),
        ("providers/mod.rs", "use crate::{\n    notify,\n};", "notify"),
        ("pipeline/sync.rs", "let x: crate::daemon::Worker;", "daemon"),
        ("pipeline/sync.rs", "pub(in crate::web) fn x() {}", "web"),
        ("web/mod.rs", "const S: &str = r#\"\"#; use crate::providers;", "providers"),
        ("web/mod.rs", "let c = '\"'; use crate::providers; // \"", "providers"),
        ("web/mod.rs", "let c = '\\''; use ::mentord::notify;", "notify"),
        ("config/mod.rs", "use crate::*;", "the whole crate"),
        ("config/mod.rs", "use crate::{self};", "the whole crate"),
        ("daemon/mod.rs", "use crate::sandbox;", "sandbox"),
        ("sandbox/mod.rs", "use crate::domain::people;", "domain"),
        ("main.rs", "use mentord::store;", "store"),
        ("helpers/mod.rs", "", "the table"),
        ("helpers.rs", "", "the table"),
    ];
    for (file, text, part) in offenders {
        let found = violations(Path::new(file), text);
        assert_eq!(found.len(), 1, "{file}: {text}: {found:?}");
        assert!(found[0].contains(part), "{file}: {text}: {found:?}");
    }
}

/// The checker itself: what it must let pass.
#[test]
fn the_innocent_pass() {
    let innocent = [
        ("domain/judge.rs", "use crate::domain::people; use super::event;"),
        ("domain/roster/people.rs", "use super::super::people;"),
        ("domain/judge.rs", "mod tests { use super::super::people; }"),
        ("domain/judge.rs", "// crate::store\n/* crate::web /* */ */ pub(crate) fn a() {}"),
        ("domain/judge.rs", "let s = \"crate::store \\\" crate::web\"; let r = r#\"crate::store\"#;"),
        ("providers/mod.rs", "use crate::{config::Google, domain::{event, people::store}};"),
        ("pipeline/send.rs", "use crate::{clock::Clock, notify, store};"),
        ("web/mod.rs", "fn a<'a>(x: &'a str) -> char { '{' } use crate::store;"),
        ("cli/demo.rs", "use crate::sandbox; use crate::daemon;"),
        ("store/mod.rs", "macro_rules! a { () => { $crate::store::b() } }"),
        ("main.rs", "fn main() { mentord::cli::run() }"),
    ];
    for (file, text) in innocent {
        assert_eq!(violations(Path::new(file), text), [""; 0], "{file}: {text}");
    }
}
