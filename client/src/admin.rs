//! Certificates and the state of the server. These answers are the server's word: nothing signs
//! them but TLS. What was issued and revoked also stands in the log, where it is signed.

use countersign_proto::v1;

use crate::call::{CallError, Repeat};
use crate::client::{Client, admin_service};
use crate::verify::VerifyError;

/// A certificate with what its owner needs beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Certificate and issuing certificate in PEM form.
    pub chain_pem: String,
    /// Root certificate in PEM form.
    pub root_pem: String,
    /// What the log says of it.
    pub certificate: v1::Certificate,
}

impl Client {
    /// Has a certificate request (PKCS #10, PEM) signed. It is not repeated when its outcome is not
    /// known.
    ///
    /// # Errors [`CallError`].
    pub async fn issue_certificate(
        &self,
        request: v1::IssueCertificateRequest,
    ) -> Result<Issued, CallError> {
        const CALL: &str = "IssueCertificate";
        let answer = self
            .caller()
            .call(
                CALL,
                Repeat::Never,
                request,
                |channel, request| async move {
                    admin_service(channel).issue_certificate(request).await
                },
            )
            .await?;
        let missing = || CallError::unverified(CALL)(VerifyError::Missing("certificate"));
        Ok(Issued {
            chain_pem: answer.chain_pem,
            root_pem: answer.root_pem,
            certificate: answer.certificate.ok_or_else(missing)?,
        })
    }

    /// Revokes the certificate with this serial number. It is not repeated when its outcome is not
    /// known.
    ///
    /// # Errors [`CallError`].
    pub async fn revoke_certificate(
        &self,
        serial: &str,
        reason: &str,
    ) -> Result<v1::Certificate, CallError> {
        const CALL: &str = "RevokeCertificate";
        let (serial, reason) = (serial.to_owned(), reason.to_owned());
        let request = v1::RevokeCertificateRequest { serial, reason };
        let answer = self
            .caller()
            .call(
                CALL,
                Repeat::Never,
                request,
                |channel, request| async move {
                    admin_service(channel).revoke_certificate(request).await
                },
            )
            .await?;
        let missing = || CallError::unverified(CALL)(VerifyError::Missing("certificate"));
        answer.certificate.ok_or_else(missing)
    }

    /// What was issued, newest last.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn certificates(&self) -> Result<Vec<v1::Certificate>, CallError> {
        let request = v1::ListCertificatesRequest {};
        let answer = self
            .caller()
            .call(
                "ListCertificates",
                Repeat::Safe,
                request,
                |channel, request| async move {
                    admin_service(channel).list_certificates(request).await
                },
            )
            .await?;
        Ok(answer.certificates)
    }

    /// The state of the server and its logs.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn status(&self) -> Result<v1::StatusResponse, CallError> {
        self.caller()
            .call(
                "Status",
                Repeat::Safe,
                v1::StatusRequest {},
                |channel, request| async move { admin_service(channel).status(request).await },
            )
            .await
    }
}
