//! A key made of all arguments of a call.

use std::fmt;

use serde_core::Serialize;

use super::ron_text;

/// The default key of a call: the path of the function, and its arguments in [RON](https://docs.rs/ron), which tells all values of a type
/// apart (text is quoted, `Some(None)` isn't `None`, and `NaN` isn't an infinity). Parts of an argument that serde doesn't see, such as a
/// skipped field, aren't told apart.
///
/// ```
/// use polycache::functions::Arguments;
///
/// let key = Arguments::new("shop::price", (7, "a:b", Some(None::<u8>)));
/// assert_eq!(key.to_string(), r#"shop::price(7,"a:b",Some(None))"#);
/// ```
#[derive(Debug)]
pub struct Arguments<T> {
    path: &'static str,
    arguments: T,
}

impl<T: Serialize> Arguments<T> {
    /// For a tuple of the arguments.
    pub const fn new(path: &'static str, arguments: T) -> Self {
        Self { path, arguments }
    }

    /// For a tuple of the arguments, in the function where the closure `here` stands.
    #[doc(hidden)]
    pub fn of<F: Fn()>(_here: F, arguments: T) -> Self {
        let path = std::any::type_name::<F>();
        Self { path: path.strip_suffix("::{{closure}}").unwrap_or(path), arguments }
    }
}

impl<T: Serialize> fmt::Display for Arguments<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)?;
        ron_text::write(f, &self.arguments)
    }
}
