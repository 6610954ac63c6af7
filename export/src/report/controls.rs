//! Which part of a report helps with which control. It is a help for whoever assesses, and claims
//! nothing about an organisation.

/// A control, and what in the report and in the log shows something about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    /// Its standard.
    pub(super) standard: &'static str,
    /// Its number there.
    pub(super) number: &'static str,
    /// What shows something about it.
    pub(super) shown_by: &'static str,
}

const fn control(standard: &'static str, number: &'static str, shown_by: &'static str) -> Control {
    Control {
        standard,
        number,
        shown_by,
    }
}

const PCI: &str = "PCI DSS 4.0.1";
const SOC: &str = "SOC 2 (TSC 2017)";
const ISO: &str = "ISO/IEC 27001:2022, Annex A";
const HIPAA: &str = "HIPAA, 45 CFR";
const NIST: &str = "NIST SP 800-53 Rev. 5";

/// All of them, by standard.
pub(super) const CONTROLS: &[Control] = &[
    control(
        PCI,
        "10.2.1.1",
        "Access that was given: each grant names one person, resource and permission",
    ),
    control(PCI, "10.2.1.2", "Sessions and their commands under a grant"),
    control(
        PCI,
        "10.2.1.3",
        "Acts on the log: recordings viewed, exports and reports taken",
    ),
    control(
        PCI,
        "10.2.1.5",
        "Acts on the log: certificates issued and revoked, policies changed",
    ),
    control(
        PCI,
        "10.2.1.6",
        "Acts on the log: opened, stopped, recovered",
    ),
    control(
        PCI,
        "10.2.2",
        "Each entry: who, what, when, where from, on what, and whether it succeeded",
    ),
    control(
        PCI,
        "10.3.2, 10.3.4",
        "The command verify: every changed, removed or inserted entry is found",
    ),
    control(
        SOC,
        "CC6.1, CC6.3",
        "Who approved what, by which policy, and when access ended by itself",
    ),
    control(
        SOC,
        "CC6.2",
        "Access removed, with what shows that it is gone",
    ),
    control(
        SOC,
        "CC7.2, CC7.3",
        "What stands out: refused attempts, break-glass, drift, failures",
    ),
    control(
        ISO,
        "5.15, 5.18",
        "Requests, decisions, and the policy that judged each",
    ),
    control(
        ISO,
        "8.2",
        "Privileged access by grants that end, with reviews by others",
    ),
    control(ISO, "8.15, 8.16", "The log, and what stands out in it"),
    control(
        ISO,
        "5.28",
        "The command case export: the evidence of a case, which proves itself",
    ),
    control(HIPAA, "164.312(a)(1)", "Access that was given, by person"),
    control(
        HIPAA,
        "164.312(a)(2)(ii)",
        "Break-glass cases and how they were judged afterwards",
    ),
    control(HIPAA, "164.312(b)", "Sessions, commands and recordings"),
    control(HIPAA, "164.312(c)(1)", "The command verify"),
    control(
        HIPAA,
        "164.308(a)(1)(ii)(D)",
        "This report, and the entry that says who made it",
    ),
    control(
        NIST,
        "AU-2, AU-3, AU-12",
        "The kinds of entries, and what each one says",
    ),
    control(
        NIST,
        "AU-6",
        "This report, and the entry that says who made it",
    ),
    control(
        NIST,
        "AU-9, AU-10",
        "Signatures, chain and checkpoints; decisions signed with passkeys",
    ),
    control(NIST, "AU-14", "Recordings of sessions"),
    control(
        NIST,
        "AC-2(2), AC-6(9)",
        "Access that ended by itself, and use of it",
    ),
];
