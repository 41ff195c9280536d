//! TLS, by rustls with ring.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::{Error, ErrorKind, Result};

/// TLS for servers: the authority that signs their certificates, and a certificate of the client's own.
///
/// A server's certificate is always verified, and has to be for the host that is connected to, or for [`server_name`](Self::server_name).
///
/// ```no_run
/// use polycache_memcached::{Client, Tls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = Tls::new(&std::fs::read("ca.pem")?)?;
/// let client = Client::builder().server("cache.example.com:11211")?.tls(tls).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Trusts these authorities' certificates, in PEM.
    ///
    /// # Errors
    /// `InvalidInput`: there is no certificate, or one is malformed.
    pub fn new(ca_pem: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca_pem, "the CA file")? {
            roots
                .add(certificate)
                .map_err(|error| invalid("the CA file holds a certificate that can't be used", &error))?;
        }
        let roots = Arc::new(roots);
        let config = Arc::new(builder(&roots)?.with_no_client_auth());
        Ok(Self { roots, config, server_name: None })
    }

    /// Shows this certificate, and proves it with this key. Both are in PEM, the certificate with its chain.
    ///
    /// # Errors
    /// `InvalidInput`: one of them is missing or malformed, or they don't belong together.
    pub fn client_certificate(mut self, certificate_pem: &[u8], key_pem: &[u8]) -> Result<Self> {
        let chain = certificates(certificate_pem, "the client certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key_pem)
            .map_err(|error| invalid("the client key can't be read as a private key in PEM", &error))?;
        let mut config = builder(&self.roots)?
            .with_client_auth_cert(chain, key)
            .map_err(|error| invalid("the client certificate and key can't be used", &error))?;
        // Memcached gives its sessions no context, and OpenSSL refuses to resume such a session where certificates are verified.
        config.resumption = Resumption::disabled();
        self.config = Arc::new(config);
        Ok(self)
    }

    /// The name in the certificates of the servers, if it isn't the host that is connected to.
    ///
    /// # Errors
    /// `InvalidInput`: the name is no host name or IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self> {
        self.server_name = Some(parse_name(name)?);
        Ok(self)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

pub(crate) fn parse_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned())
        .map_err(|error| invalid("the TLS server name is no host name or IP address", &error))
}

fn builder(
    roots: &Arc<RootCertStore>,
) -> Result<tokio_rustls::rustls::ConfigBuilder<ClientConfig, tokio_rustls::rustls::client::WantsClientCert>> {
    // Named, so that the program may have another provider too.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("TLS can't be set up", &error))?;
    Ok(builder.with_root_certificates(Arc::clone(roots)))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| invalid(&format!("{what} can't be read as certificates in PEM"), &error))?;
    if read.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{what} holds no certificate in PEM")));
    }
    Ok(read)
}

fn invalid(what: &str, error: &dyn fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("{what}: {error}"))
}
