//! Certificates for servers and clients.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::escaped_path;

/// An authority, and the certificates that it has signed, as paths of PEM files.
///
/// Those of a running server are in [`RedisServer::certificates`](super::RedisServer::certificates); others prove that a client doesn't
/// trust everybody.
///
/// ```
/// use polycache_testkit::servers::Certificates;
///
/// let directory = tempfile::tempdir().expect("a temporary directory");
/// let certificates = Certificates::write_to(directory.path());
/// assert!(certificates.ca.exists());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Certificates {
    /// The authority's certificate, which verifies the others.
    pub ca: PathBuf,
    /// For a server at 127.0.0.1 or localhost.
    pub server_certificate: PathBuf,
    /// The key of the server's certificate.
    pub server_key: PathBuf,
    /// For a client.
    pub client_certificate: PathBuf,
    /// The key of the client's certificate.
    pub client_key: PathBuf,
}

/// The sides that show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    Server,
    Both,
}

impl Certificates {
    /// Makes an authority, a server's and a client's certificate, and writes them into this directory.
    ///
    /// # Panics
    ///
    /// If the files can't be written.
    #[must_use]
    pub fn write_to(directory: &Path) -> Self {
        let file = |name: &str| directory.join(name);
        let certificates = Self {
            ca: file("ca.crt"),
            server_certificate: file("server.crt"),
            server_key: file("server.key"),
            client_certificate: file("client.crt"),
            client_key: file("client.key"),
        };

        let mut ca = named("polycache test authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(ca, key()).expect("a valid certificate");
        write(&certificates.ca, &ca.pem());

        let mut server = named("polycache test server");
        server.subject_alt_names = vec![
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::DnsName("localhost".try_into().expect("a valid name")),
        ];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let mut client = named("polycache test client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];

        for (mut params, certificate, key_file) in [
            (server, &certificates.server_certificate, &certificates.server_key),
            (client, &certificates.client_certificate, &certificates.client_key),
        ] {
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.use_authority_key_identifier_extension = true;
            let key = key();
            write(certificate, &params.signed_by(&key, &ca).expect("a valid certificate").pem());
            write(key_file, &key.serialize_pem());
        }
        certificates
    }

    /// The settings of a URL by which a client trusts this authority, and shows its own certificate if it has to.
    pub(super) fn query(&self, tls: Tls) -> String {
        let ca = escaped_path(&self.ca);
        match tls {
            Tls::Server => format!("?ca={ca}"),
            Tls::Both => {
                let (certificate, key) = (escaped_path(&self.client_certificate), escaped_path(&self.client_key));
                format!("?ca={ca}&cert={certificate}&key={key}")
            }
        }
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the system has random numbers")
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
