//! Certificate requests (PKCS #10, RFC 2986): made by clients, read by the CA.
//!
//! A request carries a public key and proves that its sender holds the private one. Subject,
//! extensions and attributes in it are ignored: who the owner is, the issuer says.
//!
//! Keys are ECDSA on P-256. It is what TLS libraries, hardware tokens and cloud key services all
//! have, it is approved in every FIPS 140 module, and it differs from the Ed25519 of the log's
//! signatures, so that no key serves both purposes. Requests with P-384 and Ed25519 keys are
//! accepted too; RSA is not.

use countersign_chain::hash::Hash;
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PublicKeyData as _, SubjectPublicKeyInfo,
};
use rustls::pki_types::CertificateSigningRequestDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use crate::limits::MAX_CSR_BYTES;

/// Why a request is no basis for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Too large.
    #[error("certificate request has {0} bytes; expected at most {MAX_CSR_BYTES}")]
    TooLong(usize),
    /// No PEM.
    #[error("certificate request is not in PEM form: {0}")]
    Pem(String),
    /// No PKCS #10.
    #[error("certificate request is not PKCS #10: {0}")]
    Der(String),
    /// Its sender does not hold the private key, or it was changed on the way.
    #[error("certificate request is not signed by the key in it: {0}")]
    Signature(String),
    /// Another sort of key.
    #[error("key of the certificate request is not ECDSA on P-256 or P-384, nor Ed25519")]
    Key,
}

/// Makes a private key (PKCS #8, PEM) and the request that goes to the issuer (PEM).
///
/// # Errors
/// When the system gives no randomness.
pub fn new_key_and_csr() -> Result<(Zeroizing<String>, String), rcgen::Error> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key)?.pem()?;
    Ok((Zeroizing::new(key.serialize_pem()), csr))
}

/// Checks a request and returns the public key in it.
///
/// # Errors
/// [`CsrError`] says what is wrong with it.
pub fn public_key(csr_pem: &str) -> Result<SubjectPublicKeyInfo, CsrError> {
    if csr_pem.len() > MAX_CSR_BYTES {
        return Err(CsrError::TooLong(csr_pem.len()));
    }
    let der = CertificateSigningRequestDer::from_pem_slice(csr_pem.as_bytes())
        .map_err(|error| CsrError::Pem(error.to_string()))?;
    let (rest, csr) = X509CertificationRequest::from_der(&der)
        .map_err(|error| CsrError::Der(error.to_string()))?;
    if !rest.is_empty() {
        return Err(CsrError::Der(format!("{} bytes after its end", rest.len())));
    }
    csr.verify_signature()
        .map_err(|error| CsrError::Signature(error.to_string()))?;
    supported(csr.certification_request_info.subject_pki.raw)
}

/// Reads a public key, unless it is of a sort that we do not certify.
fn supported(spki: &[u8]) -> Result<SubjectPublicKeyInfo, CsrError> {
    let key = SubjectPublicKeyInfo::from_der(spki).map_err(|_unsupported| CsrError::Key)?;
    let sorts = [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ];
    if sorts.into_iter().any(|sort| sort == key.algorithm()) {
        Ok(key)
    } else {
        Err(CsrError::Key)
    }
}

/// SHA-256 of a certificate's DER bytes.
pub(crate) fn fingerprint(der: &[u8]) -> [u8; 32] {
    let digest: Hash = countersign_chain::hash::digest(der);
    *digest.as_bytes()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn pem(der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n")
    }

    fn request(sort: &'static rcgen::SignatureAlgorithm) -> (KeyPair, Vec<u8>) {
        let key = KeyPair::generate_for(sort).expect("a key");
        let csr = CertificateParams::default()
            .serialize_request(&key)
            .expect("a request");
        (key, csr.der().to_vec())
    }

    #[test]
    fn our_own_requests_are_read() {
        let (key, csr) = new_key_and_csr().expect("a key");
        let key = KeyPair::from_pem(&key).expect("PKCS #8");
        let found = public_key(&csr).expect("a good request");
        assert_eq!(found.der_bytes(), key.public_key_raw());
    }

    #[test]
    fn three_sorts_of_keys_are_accepted() {
        for sort in [
            &rcgen::PKCS_ECDSA_P256_SHA256,
            &rcgen::PKCS_ECDSA_P384_SHA384,
            &rcgen::PKCS_ED25519,
        ] {
            let (key, der) = request(sort);
            let found = public_key(&pem(&der)).expect("a good request");
            assert_eq!(
                found.subject_public_key_info(),
                key.subject_public_key_info()
            );
        }
        let (_, der) = request(&rcgen::PKCS_RSA_SHA256);
        assert_eq!(public_key(&pem(&der)), Err(CsrError::Key));
    }

    #[test]
    fn no_changed_byte_passes() {
        let (key, der) = request(&rcgen::PKCS_ECDSA_P256_SHA256);
        for position in 0..der.len() {
            let mut changed = der.clone();
            changed[position] ^= 0x01;
            if let Ok(found) = public_key(&pem(&changed)) {
                // Bytes that nothing depends on may change; the key may not.
                assert_eq!(found.der_bytes(), key.public_key_raw(), "byte {position}");
            }
        }
    }

    #[test]
    fn a_key_in_place_of_another_is_refused() {
        let (key, der) = request(&rcgen::PKCS_ECDSA_P256_SHA256);
        let (other, _) = request(&rcgen::PKCS_ECDSA_P256_SHA256);
        let at = der
            .windows(key.public_key_raw().len())
            .position(|window| window == key.public_key_raw())
            .expect("the request holds the key");
        let mut swapped = der;
        swapped[at..at + other.public_key_raw().len()].copy_from_slice(other.public_key_raw());
        assert!(matches!(
            public_key(&pem(&swapped)),
            Err(CsrError::Signature(_))
        ));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (_, der) = request(&rcgen::PKCS_ED25519);
        let mut longer = der.clone();
        longer.push(0);
        assert!(matches!(public_key(&pem(&longer)), Err(CsrError::Der(_))));
        assert!(matches!(
            public_key(&pem(&der[..der.len() - 1])),
            Err(CsrError::Der(_))
        ));
        assert!(matches!(public_key(&pem(b"")), Err(CsrError::Der(_))));
        assert!(matches!(public_key("hello"), Err(CsrError::Pem(_))));
        let certificate = pem(&der).replace("CERTIFICATE REQUEST", "CERTIFICATE");
        assert!(matches!(public_key(&certificate), Err(CsrError::Pem(_))));
        let long = " ".repeat(MAX_CSR_BYTES + 1);
        assert_eq!(public_key(&long), Err(CsrError::TooLong(MAX_CSR_BYTES + 1)));
    }
}
