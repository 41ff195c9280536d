//! A node's view of its cluster.

/// The table of one node, from `CLUSTER NODES`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View(Vec<Member>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    id: String,
    port: u16,
    // The id of a replica's master.
    master: Option<String>,
    slots: Vec<(u16, u16)>,
    // Counts as dead or dying.
    failing: bool,
}

impl View {
    /// `None` while the node is still getting to know another one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut members = text.lines().map(Member::parse).collect::<Option<Vec<_>>>()?;
        members.sort();
        Some(Self(members))
    }

    /// The port of the master that serves a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<u16> {
        let serves = |member: &&Member| member.slots.iter().any(|&(first, last)| (first..=last).contains(&slot));
        self.0.iter().find(serves).map(|member| member.port)
    }

    /// Ports of the nodes that serve slots.
    pub(super) fn masters(&self) -> impl Iterator<Item = u16> {
        self.0.iter().filter(|member| !member.slots.is_empty()).map(|member| member.port)
    }

    /// Ports of the replicas of the node at this port.
    pub(super) fn replicas_of(&self, port: u16) -> impl Iterator<Item = u16> {
        let id = self.0.iter().find(|member| member.port == port).map(|member| &member.id);
        self.0.iter().filter(move |member| id.is_some() && member.master.as_ref() == id).map(|member| member.port)
    }

    /// Whether all these ports belong to members in good health.
    pub(super) fn healthy(&self, ports: impl IntoIterator<Item = u16>) -> bool {
        ports.into_iter().all(|port| self.0.iter().any(|member| member.port == port && !member.failing))
    }

    /// The same view, without who counts as dead.
    pub(super) fn without_health(mut self) -> Self {
        self.0.iter_mut().for_each(|member| member.failing = false);
        self
    }
}

impl Member {
    /// `id ip:port@bus flags master ping pong epoch link slots..`
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (id, address, flags, master) = (words.next()?, words.next()?, words.next()?, words.next()?);
        if flags.split(',').any(|flag| matches!(flag, "handshake" | "noaddr")) {
            return None;
        }
        let (_, port) = address.split_once('@')?.0.rsplit_once(':')?;
        let slots = words.skip(4).map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        Some(Self {
            id: id.to_owned(),
            port: port.parse().ok()?,
            master: (master != "-").then(|| master.to_owned()),
            slots: slots.collect::<Option<_>>()?,
            failing: flags.split(',').any(|flag| matches!(flag, "fail" | "fail?")),
        })
    }
}
