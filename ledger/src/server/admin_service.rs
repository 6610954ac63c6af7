//! The admin service: certificates and the state of the server.

use countersign_chain::time::UnixMicros;
use countersign_proto::convert::timestamp;
use countersign_proto::v1;
use tonic::{Request, Response, Status};

use crate::identity::ca;
use crate::identity::desk::{CertificateDesk, IssueOrder, Orderer, RevokeOrder};
use crate::identity::registry::CertificateFacts;
use crate::identity::role::Role;
use crate::log::Log;
use crate::server::{Logs, peer, refuse};

/// Serves administrators and those who watch them. Clones share everything.
#[derive(Debug, Clone)]
pub struct AdminService {
    logs: Logs,
    desk: CertificateDesk,
}

impl AdminService {
    /// Serves the certificates of this desk and the state of these logs.
    #[must_use]
    pub const fn new(logs: Logs, desk: CertificateDesk) -> Self {
        Self { logs, desk }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl v1::admin_service_server::AdminService for AdminService {
    async fn issue_certificate(
        &self,
        request: Request<v1::IssueCertificateRequest>,
    ) -> Answer<v1::IssueCertificateResponse> {
        let orderer = Orderer::client(&*peer(&request)?);
        let request = request.into_inner();
        let role = Role::parse(&request.role).map_err(|error| refuse::role(&error))?;
        let order = IssueOrder {
            csr_pem: request.csr_pem,
            role,
            name: request.name,
            validity: ca::validity(request.valid_seconds),
        };
        let issued = self.desk.issue(&orderer, order).await;
        let (issued, facts) = issued.map_err(|error| refuse::desk(&error))?;
        Ok(Response::new(v1::IssueCertificateResponse {
            chain_pem: issued.chain_pem,
            root_pem: issued.root_pem,
            certificate: Some(certificate(facts)),
        }))
    }

    async fn revoke_certificate(
        &self,
        request: Request<v1::RevokeCertificateRequest>,
    ) -> Answer<v1::RevokeCertificateResponse> {
        let orderer = Orderer::client(&*peer(&request)?);
        let v1::RevokeCertificateRequest { serial, reason } = request.into_inner();
        let revoked = self
            .desk
            .revoke(&orderer, RevokeOrder { serial, reason })
            .await;
        let facts = revoked.map_err(|error| refuse::desk(&error))?;
        let certificate = Some(certificate(facts));
        Ok(Response::new(v1::RevokeCertificateResponse { certificate }))
    }

    async fn list_certificates(
        &self,
        _request: Request<v1::ListCertificatesRequest>,
    ) -> Answer<v1::ListCertificatesResponse> {
        let certificates = self.desk.list().into_iter().map(certificate).collect();
        Ok(Response::new(v1::ListCertificatesResponse { certificates }))
    }

    async fn status(&self, _request: Request<v1::StatusRequest>) -> Answer<v1::StatusResponse> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let logs = self.logs.iter().map(|log| log_status(log)).collect();
        Ok(Response::new(v1::StatusResponse { version, logs }))
    }
}

fn log_status(log: &Log) -> v1::LogStatus {
    let key = log.key();
    v1::LogStatus {
        log: log.name().to_owned(),
        origin: key.origin().as_str().to_owned(),
        vkey: key.to_string(),
        accepted_size: log.accepted_size(),
        sealed_size: log.sealed().size,
        projected_size: *log.projections().indexed().borrow(),
        disk_low: log.is_disk_low(),
    }
}

fn certificate(facts: CertificateFacts) -> v1::Certificate {
    let time = |seconds: u64| {
        let micros = seconds.checked_mul(1_000_000).filter(|micros| *micros != 0);
        micros
            .and_then(|micros| UnixMicros::new(micros).ok())
            .map(timestamp)
    };
    v1::Certificate {
        not_before: time(facts.not_before),
        not_after: time(facts.not_after),
        principal: facts.principal,
        serial: facts.serial,
        issued_index: facts.issued_index,
        revoked_index: facts.revoked_index,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_log_does_not_say_is_left_out() {
        let facts = CertificateFacts {
            serial: "aa".to_owned(),
            not_after: 7,
            ..CertificateFacts::default()
        };
        let certificate = certificate(facts);
        assert_eq!(certificate.not_before, None);
        assert_eq!(
            certificate.not_after.map(|time| (time.seconds, time.nanos)),
            Some((7, 0))
        );
        assert_eq!(certificate.serial, "aa");
    }
}
