//! The servers in the settings of an alias.

use serde_core::de::DeserializeOwned;

use super::Settings;
use super::server_url::PORT;
use crate::Result;

impl Settings {
    /// The servers of an alias: `servers`, or one by `endpoint` and `port` as in aiocache. `None` if they aren't given.
    pub(crate) fn servers<T: DeserializeOwned>(
        &mut self,
        one: impl FnOnce(String, Option<u16>) -> T,
    ) -> Result<Option<Vec<T>>> {
        let (host, port) = (self.endpoint()?, self.ranged(&PORT)?);
        let servers = self.take("servers")?;
        if host.is_none() && port.is_none() {
            return Ok(servers);
        }
        if servers.is_some() {
            return Err(self.error("servers", "is given beside `endpoint` or `port`; leave one of them out"));
        }
        let host = host.unwrap_or_else(|| "127.0.0.1".to_owned());
        Ok(Some(vec![one(host, port)]))
    }

    /// The host of a server, if it is given: a name or an address, without a port.
    fn endpoint(&mut self) -> Result<Option<String>> {
        const FIELD: &str = "endpoint";
        let host = self.take::<String>(FIELD)?;
        let has_port = |host: &String| match host.rsplit_once(':') {
            Some((name, port)) => host.contains("://") || (!name.contains(':') && port.parse::<u16>().is_ok()),
            None => false,
        };
        match host.as_ref().filter(|host| has_port(host)) {
            Some(_) => Err(self.error(FIELD, "is a host; its port is given as `port`, and a URL as `url`")),
            None => Ok(host),
        }
    }
}
