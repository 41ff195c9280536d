//! A server's error repeats parts of the command. They are cut out: otherwise keys, values and passwords would stand in logs.

use redis::{Arg, Cmd};

/// Words shorter than this aren't cut outside of quotes: they are no secrets, and any text has them.
const SHORTEST: usize = 3;

/// Behind this text a server repeats arguments, without escaping quotes in them.
const BEGINNING: &str = ", with args beginning with";

/// Takes the place of a part that was cut.
const CUT: &str = "…";

/// The text without the words of `command`, in whatever form the server repeats them; `None` if there are none. The first word, the
/// command's name, stays.
pub(super) fn without_words(text: &str, command: &Cmd) -> Option<String> {
    let mut cut = text.find(BEGINNING).map(|end| text[..end].to_owned());
    for argument in command.args_iter().skip(1) {
        let present = cut.as_deref().unwrap_or(text);
        let Arg::Simple(word) = argument else { continue };
        if word.len() < SHORTEST || word.len() > present.len() {
            continue;
        }
        // In the form in which errors are read.
        let word = String::from_utf8_lossy(word).replace(char::is_control, " ");
        if let Some(without) = without_word(present, &word) {
            cut = Some(without);
        }
    }
    cut
}

/// The line without this word, where it stands alone.
fn without_word(line: &str, word: &str) -> Option<String> {
    let is_part = |char: char| char.is_alphanumeric();
    let begins = |at: usize| !word.starts_with(is_part) || !line[..at].ends_with(is_part);
    let ends = |at: usize| !word.ends_with(is_part) || !line[at..].starts_with(is_part);
    let mut cut = String::new();
    let mut kept = 0;
    for (at, _) in line.match_indices(word) {
        if begins(at) && ends(at + word.len()) {
            cut.push_str(&line[kept..at]);
            cut.push_str(CUT);
            kept = at + word.len();
        }
    }
    (kept > 0).then(|| cut + &line[kept..])
}

/// The details of an error without its quoted parts, except for names of commands.
pub(super) fn without_quotes(details: &str) -> String {
    let mut rest = details.split(BEGINNING).next().unwrap_or_default();
    let mut cut = String::new();
    while let Some((before, quoted, after)) = quoted(rest) {
        let is_name = quoted.bytes().all(|byte| byte.is_ascii_alphabetic() || b"|_.-".contains(&byte));
        let of_command = before.ends_with("unknown command ") || after.starts_with(" command");
        cut.push_str(before);
        cut.push('\'');
        cut.push_str(if is_name && of_command { quoted } else { CUT });
        cut.push('\'');
        rest = after;
    }
    cut + rest
}

/// The text in the first quotes, and the texts before and after them. Quoted text may hold quotes, so the last one that can be the end
/// is. Without an end the quoted text goes on to the end.
fn quoted(text: &str) -> Option<(&str, &str, &str)> {
    let opens = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    let is_quote = |char: char| matches!(char, '\'' | '"' | '`');
    let (start, quote) = text.char_indices().find(|(at, char)| is_quote(*char) && opens(*at))?;
    let inner = start + 1;
    let closes = |at: usize| !text[at + 1..].starts_with(char::is_alphanumeric);
    let end = text[inner..].rmatch_indices(quote).map(|(at, _)| inner + at).find(|at| closes(*at));
    Some(match end {
        Some(end) => (&text[..start], &text[inner..end], &text[end + 1..]),
        None => (&text[..start], &text[inner..], ""),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn quotes_are_emptied() {
        for (details, cut) in [
            (
                "unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 'sec\"re't' ",
                "unknown command 'HELLO'",
            ),
            ("unknown command `ECHO`, with args beginning with: `aaa`, ", "unknown command 'ECHO'"),
            (
                "wrong number of arguments for 'command|getkeys' command",
                "wrong number of arguments for 'command|getkeys' command",
            ),
            ("unknown subcommand 'secret'. Try OBJECT HELP.", "unknown subcommand '…'. Try OBJECT HELP."),
            (
                "Error in ACL SETUSER modifier '>se'cr'et': Syntax error",
                "Error in ACL SETUSER modifier '…': Syntax error",
            ),
            (
                "Invalid argument 'secret' for CONFIG SET 'maxmemory' - argument must be",
                "Invalid argument '…' - argument must be",
            ),
            ("near 'secret", "near '…'"),
            ("this can't be, and isn't", "this can't be, and isn't"),
        ] {
            assert_eq!(without_quotes(details), cut);
        }
    }

    #[test]
    fn words_of_the_command_are_cut_where_they_stand_alone() {
        let mut command = redis::cmd("SET");
        command.arg("key").arg(b"se\ncret\xff").arg("PX").arg("100");
        for (text, cut) in [
            ("user_script:1: se cret\u{fffd} is no number", Some("user_script:1: … is no number")),
            ("what: key, keys and 100", Some("what: …, keys and …")),
            ("SET is told, PX as well", None),
        ] {
            assert_eq!(without_words(text, &command).as_deref(), cut);
        }
    }
}
