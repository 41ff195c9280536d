//! Runs the opcodes of a pickle, in one pass, into a [`Tree`] whose size is in proportion to the input.
//!
//! `serde_pickle`'s reader isn't used, though its writer is. It is made for bytes that one trusts: it recurses, and copies what the memo
//! refers to. On any bytes each MARK costs 4 KiB, which stay with the tuple or list built at it: a list of rows of four numbers takes 400
//! times its size. It also has no `u64` beyond `i64::MAX`, and no empty `bytes` of protocols 0 to 2. A check in front of it could settle
//! only the first of these.
//!
//! Here a value is a node of a flat vector, and a list holds its items' numbers. So
//! - an opcode adds a node (GLOBAL three, for its text) and moves numbers that earlier ones pushed: 100 bytes for each byte of input, at
//!   the worst;
//! - a memo reference is a number again, whatever happens to the node later; nothing is copied. A string that `REDUCE` would convert is
//!   converted when it is read, see [`Node::Latin1`];
//! - nothing recurses, not even the drop. Nesting, cycles and expansion are bounded where the tree is walked: [`Tree`].
//!
//! No opcode runs anything: a global is a name, and the few that plain data needs are known here.

use std::borrow::Cow;

use super::literals;
use super::opcodes::{Arg, Op};
use super::tree::{Id, Node, Tree};
use crate::serializers::MAX_DEPTH;

mod calls;

const NEWEST_PROTOCOL: u8 = 5;

/// The fault of a pickle, and its byte.
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) at: usize,
}

type Outcome<T> = Result<T, Fault>;

pub(super) fn run(input: &[u8]) -> Outcome<Tree<'_>> {
    let mut machine = Machine {
        input,
        next: 0,
        at: 0,
        tree: Tree::new(input.len()),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        memoized: 0,
        instances: Vec::new(),
    };
    let root = machine.run()?;
    machine.tree.set_root(root);
    Ok(machine.tree)
}

struct Machine<'a> {
    input: &'a [u8],
    next: usize,
    /// The place of the current opcode.
    at: usize,
    tree: Tree<'a>,
    stack: Vec<Id>,
    /// The heights of the stack at the open MARKs.
    marks: Vec<usize>,
    /// By memo number. Numbers are below the input's length, see [`Machine::memoize`].
    memo: Vec<Option<Id>>,
    memoized: usize,
    /// Instances and their classes, in the order of the first.
    instances: Vec<(Id, Id)>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Outcome<Id> {
        loop {
            self.at = self.next;
            let byte = self.take(1)?[0];
            let Some((op, arg)) = Op::of(byte) else {
                return self.fault(format!("expected a pickle, found the unknown opcode {byte:#04x}"));
            };
            if let Some(reason) = op.refusal() {
                return self.fault(format!("the opcode {op:?} is refused: {reason}"));
            }
            let arg = self.argument(arg)?;
            match op {
                Op::STOP => return self.stop(),
                Op::PROTO => self.check_protocol(arg)?,
                Op::FRAME => self.check_frame(arg)?,
                Op::MARK => self.mark()?,
                Op::PUT | Op::BINPUT | Op::LONG_BINPUT | Op::MEMOIZE => self.memoize(op, arg)?,
                Op::GET | Op::BINGET | Op::LONG_BINGET => self.recall(op, arg)?,
                _ => match self.scalar(op, arg)? {
                    Some(node) => self.push(node)?,
                    None => self.build(op, arg)?,
                },
            }
        }
    }

    fn stop(&mut self) -> Outcome<Id> {
        let root = self.pop()?;
        if !self.stack.is_empty() || !self.marks.is_empty() {
            return self.fault("the pickle ends inside a value");
        }
        if self.next < self.input.len() {
            self.at = self.next;
            return self.fault("expected the end after STOP");
        }
        Ok(root)
    }

    fn check_protocol(&self, arg: &[u8]) -> Outcome<()> {
        match arg {
            [version] if *version > NEWEST_PROTOCOL => {
                self.fault(format!("protocol {version} is newer than {NEWEST_PROTOCOL}"))
            }
            _ => Ok(()),
        }
    }

    /// A frame tells how much to read at once; here everything is read already.
    fn check_frame(&self, arg: &[u8]) -> Outcome<()> {
        match little_endian(arg) {
            Some(length) if length <= self.input.len() - self.next => Ok(()),
            _ => self.fault("a frame is longer than the pickle"),
        }
    }

    fn mark(&mut self) -> Outcome<()> {
        if self.marks.len() == MAX_DEPTH {
            return self.fault(format!("nested deeper than {MAX_DEPTH}"));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn memoize(&mut self, op: Op, arg: &[u8]) -> Outcome<()> {
        let number = match op {
            Op::MEMOIZE => Some(self.memoized),
            Op::PUT => literals::memo_id(arg),
            _ => little_endian(arg),
        };
        // Picklers number upwards from 0 or 1, so an honest number is never beyond the input's length.
        let Some(number) = number.filter(|&number| number < self.input.len()) else {
            return self.fault(format!("{op:?} has an impossible memo number"));
        };
        let top = self.pop()?;
        self.stack.push(top);
        if number >= self.memo.len() {
            self.memo.resize(number + 1, None);
        }
        if self.memo[number].replace(top).is_none() {
            self.memoized += 1;
        }
        Ok(())
    }

    fn recall(&mut self, op: Op, arg: &[u8]) -> Outcome<()> {
        let number = if op == Op::GET { literals::memo_id(arg) } else { little_endian(arg) };
        match number.and_then(|number| self.memo.get(number).copied().flatten()) {
            Some(id) => {
                self.stack.push(id);
                Ok(())
            }
            None => self.fault(format!("{op:?} has a memo number that nothing was put under")),
        }
    }

    /// The node of an opcode that needs only its argument.
    fn scalar(&self, op: Op, arg: &'a [u8]) -> Outcome<Option<Node<'a>>> {
        let node = match op {
            Op::NONE => Some(Node::None),
            Op::NEWTRUE => Some(Node::Bool(true)),
            Op::NEWFALSE => Some(Node::Bool(false)),
            Op::INT | Op::LONG => literals::decimal(arg, op == Op::INT),
            Op::BININT | Op::LONG1 | Op::LONG4 => Some(literals::twos_complement(arg)),
            Op::BININT1 | Op::BININT2 => little_endian(arg).map(|number| Node::Int(number as i128)),
            Op::FLOAT => literals::float(arg).map(Node::Float),
            Op::BINFLOAT => arg.try_into().ok().map(|bits| Node::Float(f64::from_be_bytes(bits))),
            Op::UNICODE => literals::raw_unicode_escape(arg).map(Node::Str),
            Op::BINUNICODE | Op::SHORT_BINUNICODE | Op::BINUNICODE8 => {
                std::str::from_utf8(arg).ok().map(|text| Node::Str(Cow::Borrowed(text)))
            }
            Op::STRING => literals::quoted(arg).map(python_2_string),
            Op::BINSTRING | Op::SHORT_BINSTRING => Some(python_2_string(Cow::Borrowed(arg))),
            Op::BINBYTES | Op::SHORT_BINBYTES | Op::BINBYTES8 | Op::BYTEARRAY8 => Some(Node::Bytes(Cow::Borrowed(arg))),
            _ => return Ok(None),
        };
        match node {
            Some(node) => Ok(Some(node)),
            None => self.fault(format!("the argument of {op:?} is malformed")),
        }
    }

    /// The opcodes that work on the stack.
    fn build(&mut self, op: Op, arg: &'a [u8]) -> Outcome<()> {
        match op {
            Op::EMPTY_TUPLE => self.push(Node::Tuple(Vec::new())),
            Op::EMPTY_LIST | Op::EMPTY_SET => self.push(Node::List(Vec::new())),
            Op::EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            Op::TUPLE => {
                let items = self.pop_to_mark()?;
                self.push(Node::Tuple(items))
            }
            Op::TUPLE1 | Op::TUPLE2 | Op::TUPLE3 => {
                let items = self.pop_many(1 + op as usize - Op::TUPLE1 as usize)?;
                self.push(Node::Tuple(items))
            }
            Op::LIST | Op::FROZENSET => {
                let items = self.pop_to_mark()?;
                self.push(Node::List(items))
            }
            Op::DICT => {
                let items = self.pop_to_mark()?;
                self.push(Node::Dict(Vec::new()))?;
                self.extend(op, items)
            }
            Op::APPEND | Op::SETITEM => {
                let items = self.pop_many(if op == Op::APPEND { 1 } else { 2 })?;
                self.extend(op, items)
            }
            Op::APPENDS | Op::ADDITEMS | Op::SETITEMS => {
                let items = self.pop_to_mark()?;
                self.extend(op, items)
            }
            Op::GLOBAL => {
                let module = self.global_name(arg)?;
                let name = self.line()?;
                let name = self.global_name(name)?;
                self.push(Node::Global { module, name })
            }
            Op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                self.push(Node::Global { module, name })
            }
            Op::REDUCE => self.reduce(),
            Op::INST => {
                let module = self.global_name(arg)?;
                let name = self.line()?;
                let name = self.global_name(name)?;
                let class = self.add(Node::Global { module, name })?;
                let args = self.pop_to_mark()?;
                self.old_object(class, &args)
            }
            Op::OBJ => {
                let items = self.pop_to_mark()?;
                match items.split_first() {
                    Some((&class, args)) => self.old_object(class, args),
                    None => self.fault("an opcode needs a class that isn't on the stack"),
                }
            }
            Op::NEWOBJ | Op::NEWOBJ_EX => self.new_object(op),
            Op::BUILD => self.build_object(),
            _ => self.fault(format!("the opcode {op:?} isn't known")),
        }
    }

    fn extend(&mut self, op: Op, mut items: Vec<Id>) -> Outcome<()> {
        let top = self.pop()?;
        self.stack.push(top);
        let is_instance = self.instances.binary_search_by_key(&top, |&(id, _)| id).is_ok();
        match (op, self.tree.node_mut(top)) {
            (Op::APPEND | Op::APPENDS | Op::ADDITEMS, Node::List(list)) => list.append(&mut items),
            // An instance of a class that is a list.
            (Op::APPEND | Op::APPENDS, Node::Dict(dict)) if is_instance && dict.is_empty() => {
                *self.tree.node_mut(top) = Node::List(items);
            }
            (Op::SETITEM | Op::SETITEMS | Op::DICT, Node::Dict(dict)) if items.len().is_multiple_of(2) => {
                dict.append(&mut items);
            }
            // An object that isn't plain data, whatever it holds.
            (_, Node::Global { .. }) => {}
            _ => return self.fault(format!("{op:?} doesn't fit what it is applied to")),
        }
        Ok(())
    }

    fn add(&mut self, node: Node<'a>) -> Outcome<Id> {
        match self.tree.add(node, self.at) {
            Some(id) => Ok(id),
            None => self.fault("the pickle has too many values"),
        }
    }

    fn push(&mut self, node: Node<'a>) -> Outcome<()> {
        let id = self.add(node)?;
        self.stack.push(id);
        Ok(())
    }

    fn pop_many(&mut self, count: usize) -> Outcome<Vec<Id>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(self.stack.drain(start..).collect()),
            _ => self.fault("an opcode needs a value that isn't on the stack"),
        }
    }

    fn pop(&mut self) -> Outcome<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(id) if self.stack.len() >= floor => Ok(id),
            _ => self.fault("an opcode needs a value that isn't on the stack"),
        }
    }

    fn pop_to_mark(&mut self) -> Outcome<Vec<Id>> {
        match self.marks.pop() {
            Some(start) => Ok(self.stack.drain(start..).collect()),
            None => self.fault("an opcode needs a MARK, and none is open"),
        }
    }

    fn argument(&mut self, arg: Arg) -> Outcome<&'a [u8]> {
        match arg {
            Arg::Fixed(length) => self.take(length),
            Arg::Line => self.line(),
            Arg::Counted(width) => {
                let length = self.take(width)?;
                self.take(little_endian(length).unwrap_or(usize::MAX))
            }
        }
    }

    fn take(&mut self, length: usize) -> Outcome<&'a [u8]> {
        let rest = &self.input[self.next..];
        match rest.get(..length) {
            Some(taken) => {
                self.next += length;
                Ok(taken)
            }
            None => self.fault(format!("the pickle is truncated: expected {length} bytes more, found {}", rest.len())),
        }
    }

    fn line(&mut self) -> Outcome<&'a [u8]> {
        let rest = &self.input[self.next..];
        match rest.iter().position(|&byte| byte == b'\n') {
            Some(length) => {
                self.next += length + 1;
                Ok(&rest[..length])
            }
            None => self.fault("the pickle is truncated: expected a newline"),
        }
    }

    #[cold]
    fn fault<T>(&self, what: impl Into<String>) -> Outcome<T> {
        Err(Fault { what: what.into(), at: self.at })
    }
}

/// A `str` of Python 2 is text or bytes; only its content tells which.
fn python_2_string(bytes: Cow<'_, [u8]>) -> Node<'_> {
    match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Node::Str(Cow::Borrowed(text)),
            Err(_) => Node::Bytes(Cow::Borrowed(bytes)),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Node::Str(Cow::Owned(text)),
            Err(error) => Node::Bytes(Cow::Owned(error.into_bytes())),
        },
    }
}

fn little_endian(bytes: &[u8]) -> Option<usize> {
    bytes.iter().rev().try_fold(0_usize, |number, &byte| number.checked_mul(256)?.checked_add(byte.into()))
}
