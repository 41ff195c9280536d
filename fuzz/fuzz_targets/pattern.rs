#![no_main]

use polycache::backend::Pattern;

libfuzzer_sys::fuzz_target!(|input: (&str, &str)| {
    let (pattern, text) = input;
    if let Ok(pattern) = Pattern::new(pattern) {
        let _ = pattern.matches(text);
    }
    // Every text, escaped, matches itself and nothing longer.
    let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
    let escaped = Pattern::new(&escaped).expect("escapes are complete");
    assert!(escaped.matches(text));
    assert!(!escaped.matches(&format!("{text}x")));
});
