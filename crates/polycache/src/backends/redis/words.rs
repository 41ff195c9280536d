//! The words of a command, as a server reads them.

/// Appends a word of a command.
pub(super) fn word(out: &mut Vec<u8>, word: &[u8]) {
    let digit = |unit: usize| b'0' + (word.len() / unit % 10) as u8;
    match word.len() {
        // Most words are short, and the line before a word is written at once, since its length is known here.
        0..10 => out.extend_from_slice(&[b'$', digit(1), b'\r', b'\n']),
        10..100 => out.extend_from_slice(&[b'$', digit(10), digit(1), b'\r', b'\n']),
        100..1_000 => out.extend_from_slice(&[b'$', digit(100), digit(10), digit(1), b'\r', b'\n']),
        len => {
            out.push(b'$');
            out.extend_from_slice(Digits::new(len as u64).text());
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal text.
pub(super) struct Digits {
    text: [u8; Self::MOST],
    start: usize,
}

impl Digits {
    /// The digits of the largest number.
    const MOST: usize = 20;

    pub(super) fn new(mut number: u64) -> Self {
        let (mut text, mut start) = ([0; Self::MOST], Self::MOST);
        loop {
            start -= 1;
            text[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { text, start };
            }
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text[self.start..]
    }
}
