//! Where settings come from: the TOML file and the environment over it, put together by the
//! `config` crate, and the memory of which value came from where.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Problems};

const PREFIX: &str = "MENTORD__";

/// More items than this in one list are a slip in a variable's name.
const MOST_ITEMS: usize = 1000;

/// All settings as one tree, and where each of them was found.
#[derive(Default)]
pub struct Source {
    pub file: PathBuf,
    /// Relative paths start here.
    pub folder: PathBuf,
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    pub tree: Value,
    /// Dotted path to line number.
    lines: BTreeMap<String, usize>,
    /// Dotted path to environment variable.
    variables: BTreeMap<String, String>,
}

impl Source {
    pub fn read(file: &Path, environment: Vec<(OsString, OsString)>) -> Result<Self, Problems> {
        let shown = file.display().to_string();
        let text = read_text(file).map_err(|found| {
            let remedy = "name the configuration with --config FILE, readable by this user; a \
                          commented example is config/mentord.toml in mentord's sources";
            Problems::one(&shown, &found, remedy)
        })?;
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let mut source = Self { file: file.to_path_buf(), folder, ..Self::default() };
        source.read_lines(&text)?;

        let mut builder = ::config::Config::builder()
            .add_source(::config::File::from_str(&text, ::config::FileFormat::Toml));
        let mut problems = Vec::new();
        for (variable, value) in environment {
            let variable = variable.to_string_lossy().into_owned();
            if variable == "CREDENTIALS_DIRECTORY" {
                source.credentials = Some(PathBuf::from(value)).filter(|p| p.is_absolute());
                continue;
            }
            let Some(name) = variable.strip_prefix(PREFIX) else {
                continue;
            };
            let place = format!("environment variable {variable}");
            let problem = |found: &str, remedy: &str| Problem {
                place: place.clone(),
                found: found.to_owned(),
                remedy: remedy.to_owned(),
            };
            match (dotted(name), value.into_string()) {
                (None, _) => problems.push(problem(
                    "a name that is no path to a setting",
                    "write it like MENTORD__SYNC__INTERVAL or MENTORD__PROGRAMS__0__CADENCE",
                )),
                (_, Err(_)) => {
                    problems.push(problem("a value that is not UTF-8", "write the value in UTF-8"))
                }
                (Some(path), Ok(text)) => match builder.clone().set_override(&path, text) {
                    Ok(next) => {
                        builder = next;
                        source.variables.insert(path, variable);
                    }
                    Err(error) => problems.push(problem(
                        &format!("a name that cannot be used: {error}"),
                        "write it like MENTORD__SYNC__INTERVAL",
                    )),
                },
            }
        }
        let tree = builder.build().and_then(::config::Config::try_deserialize::<Value>);
        match tree {
            Ok(tree) => {
                let mut gaps = Vec::new();
                find_gaps("", &tree, &mut gaps);
                problems.extend(gaps.into_iter().map(|gap| Problem {
                    place: format!("{shown}: {gap}"),
                    found: "nothing, though a later one is set in the environment".to_owned(),
                    remedy: "number the items from 0 without gaps".to_owned(),
                }));
                source.tree = tree;
            }
            Err(error) => problems.push(Problem {
                place: shown,
                found: format!("a value that cannot be read: {error}"),
                remedy: "correct it".to_owned(),
            }),
        }
        match problems.is_empty() {
            true => Ok(source),
            false => Err(Problems(problems)),
        }
    }

    /// Where the value at `path` stands, for people: file and line, or environment variable.
    pub fn place(&self, path: &str) -> String {
        let file = self.file.display();
        match (self.variable(path), self.line(path)) {
            (Some(variable), _) => format!("environment variable {variable}: {path}"),
            (None, 0) => format!("{file}: {path}"),
            (None, line) => format!("{file}:{line}: {path}"),
        }
    }

    /// The line of `path` in the file, or of the nearest thing above it; 0 when it is not there.
    pub fn line(&self, path: &str) -> usize {
        if self.variable(path).is_some() {
            return 0;
        }
        let mut at = path;
        loop {
            if let Some(&line) = self.lines.get(at) {
                return line;
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = &at[..end],
                None => return 0,
            }
        }
    }

    /// The environment variable that set `path`, or something above it.
    pub fn variable(&self, path: &str) -> Option<&str> {
        self.variables.iter().find_map(|(set, variable)| {
            let rest = path.strip_prefix(set.as_str())?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(variable.as_str())
        })
    }

    /// Notes the line of every key; also the place where all syntax errors come to light.
    fn read_lines(&mut self, text: &str) -> Result<(), Problems> {
        let (table, mut errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            note_lines("", table.get_ref(), &line_starts(text), &mut self.lines);
            return Ok(());
        }
        // The text itself is not shown: the line may hold a secret.
        let offset = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let problem = |error: &toml::de::Error| {
            let offset = offset(error).min(text.len());
            let before = &text.as_bytes()[..offset];
            let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
            Problem {
                place: format!("{}:{line}:{column}", self.file.display()),
                found: format!("text that is not TOML: {}", error.message()),
                remedy: "mend the syntax: `key = \"value\"` lines below `[section]` lines".to_owned(),
            }
        };
        errors.sort_by_key(offset);
        Err(Problems(errors.iter().map(problem).collect()))
    }
}

/// `PROGRAMS__0__CADENCE` to `programs[0].cadence`.
fn dotted(name: &str) -> Option<String> {
    let mut path = String::new();
    for segment in name.split("__") {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if segment.is_empty() || !segment.chars().all(plain) {
            return None;
        }
        if segment.chars().all(|c| c.is_ascii_digit()) {
            let index: usize = segment.parse().ok().filter(|&i| i < MOST_ITEMS)?;
            path += &format!("[{index}]");
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path += &segment.to_ascii_lowercase();
        }
    }
    (!path.starts_with('[')).then_some(path)
}

/// List items that were never set: TOML has none, but variables can skip a number.
fn find_gaps(path: &str, value: &Value, gaps: &mut Vec<String>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let dot = if path.is_empty() { "" } else { "." };
                find_gaps(&format!("{path}{dot}{key}"), value, gaps);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                find_gaps(&format!("{path}[{index}]"), value, gaps);
            }
        }
        Value::Null => gaps.push(path.to_owned()),
        _ => {}
    }
}

pub fn read_text(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        _ => format!("a file that cannot be read: {error}"),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        format!("bytes that are not UTF-8 in line {line}")
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

fn line_starts(text: &str) -> Vec<usize> {
    let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
    breaks.map(|(offset, _)| offset + 1).collect()
}

fn note_lines(path: &str, table: &DeTable<'_>, starts: &[usize], lines: &mut BTreeMap<String, usize>) {
    let line = |offset: usize| starts.partition_point(|&start| start <= offset) + 1;
    for (key, value) in table {
        let path = match path {
            "" => key.get_ref().to_string(),
            _ => format!("{path}.{}", key.get_ref()),
        };
        lines.insert(path.clone(), line(key.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => note_lines(&path, inner, starts, lines),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    lines.insert(path.clone(), line(item.span().start));
                    if let DeValue::Table(inner) = item.get_ref() {
                        note_lines(&path, inner, starts, lines);
                    }
                }
            }
            _ => {}
        }
    }
}
