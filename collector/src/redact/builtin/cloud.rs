//! Keys of clouds.

use super::Form::{Before, Pattern};
use super::{Builtin, rule};

pub(super) const RULES: &[Builtin] = &[
    rule(
        "aws-access-key-id",
        "the id of an access key of AWS, long-lived or temporary",
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        Pattern(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ),
    rule(
        "aws-secret-key",
        "the secret of an access key of AWS behind its name",
        &[
            "secret_access_key",
            "secretaccesskey",
            "secret-access-key",
            "secret access key",
            "aws_secret",
            "aws_secret_key",
        ],
        Pattern(concat!(
            r"(?i)(?:aws_secret(?:_access)?(?:_key)?|secret[_ -]?access[_ -]?key)",
            r#"[\\"'\]]{0,3}[ \t]*(?:=>|:=|=|:|[ \t])[ \t]*[\\"']{0,2}([A-Za-z0-9/+]{40}=?)"#,
        )),
    ),
    rule(
        "aws-session-token",
        "the token of a temporary access key of AWS behind its name",
        &[
            "session_token",
            "sessiontoken",
            "security_token",
            "x-amz-security-token",
        ],
        Pattern(concat!(
            r"(?i)(?:x-amz-security-token|session_?token|security_token)",
            r#"[\\"'\]]{0,3}[ \t]*(?:=>|:=|=|:|[ \t])[ \t]*[\\"']{0,2}([A-Za-z0-9/+=%]{64,})"#,
        )),
    ),
    rule(
        "aws-signature",
        "the signature of a request to AWS, also in an address",
        &["x-amz-signature=", "signature="],
        Pattern(r"(?i)(?:x-amz-)?signature=([0-9a-f]{64})"),
    ),
    rule(
        "aws-bedrock-key",
        "an API key of Amazon Bedrock",
        &["ABSK"],
        Pattern(r"\bABSK[A-Za-z0-9+/]{100,}={0,2}"),
    ),
    rule(
        "gcp-api-key",
        "an API key of Google Cloud",
        &["AIza"],
        Pattern(r"\bAIza[0-9A-Za-z_-]{35}"),
    ),
    rule(
        "gcp-service-account-key-id",
        "the id of a key in the file of a service account; the key itself is a `private-key`",
        &["private_key_id"],
        Pattern(r#"(?i)private_key_id[\\"']{0,2}[ \t]*[:=][ \t]*[\\"']{0,2}([0-9a-f]{40})"#),
    ),
    rule(
        "gcp-oauth",
        "an access token, refresh token or client secret of Google",
        &["ya29.", "GOCSPX-", "1//0"],
        Pattern(
            r"\b(?:ya29\.[0-9A-Za-z_.-]{20,}|GOCSPX-[0-9A-Za-z_-]{20,}|1//0[0-9A-Za-z_-]{40,})",
        ),
    ),
    rule(
        "azure-connection-string",
        "the key in a connection string of Azure: storage, service bus, Cosmos DB, IoT",
        &["AccountKey=", "SharedAccessKey=", "SharedSecretValue="],
        Pattern(r"(?i)(?:accountkey|sharedaccesskey|sharedsecretvalue)=([A-Za-z0-9+/=%]{20,})"),
    ),
    rule(
        "azure-sas",
        "the signature of a shared access signature of Azure",
        &["sig="],
        Pattern(r"(?i)\bsig=([A-Za-z0-9%/+_-]{40,}=?)"),
    ),
    rule(
        "azure-client-secret",
        "a client secret of Microsoft Entra",
        &["Q~"],
        Before(r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", 4),
    ),
    rule(
        "digitalocean-token",
        "a token of DigitalOcean: personal, OAuth or refresh",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        Pattern(r"\bdo[opr]_v1_[0-9a-f]{64}"),
    ),
    rule(
        "alibaba-access-key-id",
        "the id of an access key of Alibaba Cloud",
        &["LTAI"],
        Pattern(r"\bLTAI[A-Za-z0-9]{12,26}\b"),
    ),
    rule(
        "heroku-key",
        "an API key of Heroku",
        &["HRKU-"],
        Pattern(r"\bHRKU-[0-9A-Za-z_-]{32,}"),
    ),
    rule(
        "fly-token",
        "a token of Fly.io",
        &["fm1_", "fm1r_", "fm2_", "fo1_"],
        Pattern(r"\b(?:fm1r?|fm2|fo1)_[A-Za-z0-9+/_-]{32,}={0,2}"),
    ),
    rule(
        "vault-token",
        "a token of HashiCorp Vault: service, batch or recovery",
        &["hvs.", "hvb.", "hvr."],
        Pattern(r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    ),
    rule(
        "terraform-token",
        "a token of HCP Terraform",
        &[".atlasv1."],
        Before(r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}", 14),
    ),
];
