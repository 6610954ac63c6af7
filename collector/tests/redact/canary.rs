//! Secrets by the descriptions of their formats, and the texts that they stand in. Nothing here has
//! the form of a secret until it is put together.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A text with a secret in it.
#[derive(Debug, Clone)]
pub(crate) struct Canary {
    pub(crate) format: &'static str,
    pub(crate) text: String,
    pub(crate) secret: String,
    /// Width of the terminal; 0 for any.
    pub(crate) columns: u16,
}

/// Numbers from a seed, by the splitmix64 generator.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("small");
        usize::try_from(self.next() % bound).expect("small")
    }

    /// So many characters of an alphabet, among them a small letter and a digit where it has them.
    fn of(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        loop {
            let text: String = (0..count)
                .map(|_| alphabet[self.below(alphabet.len())])
                .collect();
            let has = |is: fn(char) -> bool| !alphabet.iter().any(|c| is(*c)) || text.contains(is);
            if has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_alphabetic()) {
                return text;
            }
        }
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URLSAFE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
/// Characters of passwords that people and generators choose.
const PASSWORD: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789!%+*.~^-";

/// Secrets that tell by their form what they are: prefix in two parts, alphabet, length.
const TOKENS: [(&str, [&str; 2], &str, usize); 32] = [
    ("AWS key id", ["AK", "IA"], UPPER, 16),
    ("AWS temporary id", ["AS", "IA"], UPPER, 16),
    ("Google API key", ["AI", "za"], URLSAFE, 35),
    ("Google access token", ["ya", "29."], URLSAFE, 60),
    ("GitHub personal", ["gh", "p_"], ALNUM, 36),
    ("GitHub server", ["gh", "s_"], ALNUM, 36),
    ("GitHub fine-grained", ["github", "_pat_"], URLSAFE, 82),
    ("GitLab", ["gl", "pat-"], URLSAFE, 20),
    ("Slack bot", ["xo", "xb-"], DIGITS, 12),
    ("Slack app", ["xa", "pp-1-"], ALNUM, 40),
    ("Stripe live", ["sk_", "live_"], ALNUM, 24),
    ("Stripe restricted", ["rk_", "test_"], ALNUM, 24),
    ("npm", ["np", "m_"], ALNUM, 36),
    ("PyPI", ["py", "pi-AgE"], URLSAFE, 120),
    ("Twilio", ["S", "K"], HEX, 32),
    ("DigitalOcean", ["do", "p_v1_"], HEX, 64),
    ("Vault", ["hv", "s."], URLSAFE, 24),
    ("OpenAI", ["sk-", "proj-"], URLSAFE, 48),
    ("Anthropic", ["sk-", "ant-api03-"], URLSAFE, 93),
    ("Hugging Face", ["hf", "_"], ALNUM, 34),
    ("Docker Hub", ["dckr", "_pat_"], URLSAFE, 27),
    ("Shopify", ["shp", "at_"], HEX, 32),
    ("Databricks", ["da", "pi"], HEX, 32),
    ("Grafana cloud", ["gl", "c_"], ALNUM, 60),
    ("Linear", ["lin_", "api_"], ALNUM, 40),
    ("Tailscale", ["ts", "key-auth-k1-"], ALNUM, 32),
    ("RubyGems", ["ruby", "gems_"], HEX, 48),
    ("Mailgun", ["ke", "y-"], HEX, 32),
    ("Atlassian", ["ATA", "TT3"], URLSAFE, 100),
    ("New Relic", ["NR", "AK-"], UPPER, 27),
    ("age", ["AGE-", "SECRET-KEY-1"], UPPER, 58),
    ("Postman", ["PM", "AK-"], HEX, 24),
];

/// Names of secrets that tell nothing by their form: alphabet and length.
const NAMED: [(&str, &str, &str, usize); 10] = [
    ("password", "password", PASSWORD, 14),
    ("password of a database", "PGPASSWORD", PASSWORD, 12),
    ("password in camel case", "dbPassword", PASSWORD, 20),
    ("passphrase", "key-passphrase", PASSWORD, 24),
    ("AWS secret key", "aws_secret_access_key", ALNUM, 40),
    ("client secret", "client_secret", URLSAFE, 32),
    ("API key", "X-Api-Key", HEX, 40),
    ("token", "GITLAB_TOKEN", ALNUM, 24),
    ("encryption key", "ENCRYPTION_KEY", ALNUM, 32),
    ("MySQL variable", "MYSQL_PWD", PASSWORD, 12),
];

/// Tokens in all their usual surroundings, and the others in theirs: more than 200.
pub(crate) fn canaries(seed: u64) -> Vec<Canary> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    for (format, prefix, alphabet, length) in TOKENS {
        for round in 0..3 {
            let mut secret = prefix.concat() + &random.of(alphabet, length);
            match format {
                "Slack bot" => secret = secret + "-" + &random.of(ALNUM, 24),
                "Postman" => secret = secret + "-" + &random.of(HEX, 34),
                _ => {}
            }
            let place = all.len() * 5 + round;
            all.push(token(format, secret, place));
        }
    }
    for (format, name, alphabet, length) in NAMED {
        for place in 0..8 {
            let secret = random.of(alphabet, length);
            all.push(named(format, name, secret, place));
        }
    }
    for _ in 0..3 {
        whole(&mut random, &mut all);
        structured(&mut random, &mut all);
        keys(&mut random, &mut all);
    }
    all
}

fn canary(format: &'static str, text: String, secret: String) -> Canary {
    Canary {
        format,
        text,
        secret,
        columns: 0,
    }
}

/// A token where neither a name nor anything else tells that it is one.
fn token(format: &'static str, secret: String, place: usize) -> Canary {
    let (first, second) = secret.split_at(secret.len() / 2);
    let mut columns = 0;
    let text = match place % 10 {
        0 => format!("HOME=/root\nVALUE={secret}\nLANG=C.UTF-8\n"),
        1 => format!("> GET /v1 HTTP/1.1\r\n> Host: api\r\n> X-Value: {secret}\r\n>\r\n"),
        2 => format!(" id |  value\n----+-------\n  1 | {secret}\n(1 row)\n"),
        3 => format!("{{\"a\": 1, \"value\": \"{secret}\", \"b\": [true, null]}}\n"),
        4 => format!("spec:\n  value: {secret}\n  größe: 3 # ärger\n"),
        5 => format!("    Environment:\n      VALUE:  {secret}\n    Mounts:  <none>\n"),
        6 => format!("2026-11-26T10:00:00Z INFO sent value={secret}, took 3 ms\n"),
        7 => format!("\x1b[32mvalue\x1b[0m=\x1b[33m{first}\x1b[1;4m{second}\x1b[0m\r\n$ "),
        8 => format!("\x1b]0;ada@db: ~\x07ada@db:~$ deploy --to {first} \r{second}\r\nok\r\n$ "),
        _ => {
            let row = format!("deploy --to {first}");
            columns = u16::try_from(row.len()).expect("small");
            format!("ada@db\r\n{row}\r\n{second} now\r\nok\r\n")
        }
    };
    Canary {
        columns,
        ..canary(format, text, secret)
    }
}

/// A secret behind its name.
fn named(format: &'static str, name: &str, secret: String, place: usize) -> Canary {
    let lower = name.to_lowercase().replace('_', "-");
    let text = match place % 8 {
        0 => format!("HOME=/root\n{name}={secret}\nLANG=C.UTF-8\n"),
        1 => format!("< HTTP/1.1 200 OK\r\n< {name}: {secret}\r\n<\r\n"),
        2 => format!("{{\"a\": 1, \"{name}\": \"{secret}\", \"größe\": []}}\n"),
        3 => format!("stringData:\n  {name}: {secret}\n  user: ada\n"),
        4 => format!("10:00:00 WARN connect host=db {name}={secret} tries=3\n"),
        5 if format.starts_with("MySQL") => format!("export {name}='{secret}'; mysql shop\n"),
        5 => format!("ada@db:~$ tool --user ada --{lower} {secret} --verbose\r\n"),
        6 => format!("  \x1b[34;1m\"{name}\"\x1b[0m: \x1b[32m\"{secret}\"\x1b[0m,\r\n"),
        _ => format!("docker run -e {name}='{secret}' -e LANG=C image:3\n"),
    };
    canary(format, text, secret)
}

/// Secrets that only their surroundings tell.
fn whole(random: &mut Random, all: &mut Vec<Canary>) {
    let mut add = |format, text: &str, secret: &str| {
        all.push(canary(
            format,
            text.replace("{}", secret),
            secret.to_owned(),
        ));
    };
    for scheme in [
        "postgres",
        "redis",
        "amqp",
        "mongodb+srv",
        "mysql",
        "https",
        "ftp",
    ] {
        let secret = random.of(PASSWORD, 16);
        let user = if scheme == "redis" { "" } else { "ada" };
        let text = format!("connecting to {scheme}://{user}:{{}}@db.internal:5432/shop?x=1\n");
        add("password in an address", &text, &secret);
    }
    for (format, text) in [
        ("mysql -p", "$ mysql -h db -u ada -p{} shop\r\n"),
        (
            "curl -u",
            "$ curl -sS -u ada:{} https://api.internal/v1\r\n",
        ),
        ("sshpass", "$ sshpass -p {} ssh ada@db\r\n"),
        ("redis-cli -a", "$ redis-cli -h cache -a {} ping\r\n"),
        (
            "IDENTIFIED BY",
            "mysql> CREATE USER ada IDENTIFIED BY '{}';\r\n",
        ),
        (
            "PASSWORD of SQL",
            "shop=# ALTER ROLE ada WITH PASSWORD '{}';\r\n",
        ),
        ("netrc", "machine api.internal login ada password {}\n"),
        (
            "connection string",
            "Server=db;User Id=ada;Password={};Encrypt=yes\n",
        ),
        (
            "libpq string",
            "psql \"host=db user=ada password={} dbname=shop\"\n",
        ),
        (
            "query parameter",
            "GET /login?user=ada&password={}&next=%2F HTTP/1.1\n",
        ),
        ("XML", "<user>ada</user><password>{}</password>\n"),
        (
            "XML with spaces",
            "<user>ada</user><password>two words {}</password> ok\n",
        ),
        (
            "digest header",
            "> Authorization: Digest username=\"ada\", response=\"{}\"\r\n",
        ),
        ("quoted with spaces", "password = \"{} two words\"\n"),
        ("DSN of Go", "open ada:{}@tcp(db:3306)/shop\n"),
    ] {
        let secret = random.of(PASSWORD, 16);
        add(format, text, &secret);
    }
    headers(random, all);
}

/// Tokens that a header or a setting names.
fn headers(random: &mut Random, all: &mut Vec<Canary>) {
    for (format, text) in [
        (
            "bearer header",
            "> Authorization: Bearer {}\r\n> Accept: */*\r\n",
        ),
        (
            "token header",
            "curl -H 'Authorization: token {}' https://api\n",
        ),
        (
            "vault header",
            "curl -H 'X-Vault-Token: {}' https://vault\n",
        ),
        ("cookie", "> Cookie: theme=dark; session={}\r\n>\r\n"),
        ("npmrc", "//registry.internal/:_authToken={}\n"),
        (
            "Slack webhook",
            "POST https://hooks.slack.com/services/T0AAAAAA1/B0AAAAAA2/{}\n",
        ),
    ] {
        let secret = random.of(ALNUM, 32);
        all.push(canary(format, text.replace("{}", &secret), secret));
    }
}

/// Secrets that are put together from parts.
fn structured(random: &mut Random, all: &mut Vec<Canary>) {
    let mut add = |format, text: String, secret: &str| {
        all.push(canary(
            format,
            text.replace("{}", secret),
            secret.to_owned(),
        ));
    };
    let part = |random: &mut Random, text: &str| {
        URL_SAFE_NO_PAD.encode(format!("{{\"{text}\":\"{}\"}}", random.of(ALNUM, 20)))
    };
    let jwt = [
        part(random, "alg"),
        part(random, "sub"),
        random.of(URLSAFE, 43),
    ]
    .join(".");
    add("JSON web token", "value {} ends\n".into(), &jwt);
    let basic = STANDARD.encode(format!("ada:{}", random.of(PASSWORD, 18)));
    add(
        "basic header",
        "> Authorization: Basic {}\r\n".into(),
        &basic,
    );
    add(
        "registry auth",
        "{\"auths\": {\"r\": {\"auth\": \"{}\"}}}\n".into(),
        &basic,
    );
    let azure = STANDARD.encode(random.bytes(64));
    let text = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={};Suffix=x\n";
    add("Azure storage", text.into(), &azure);
    let bot = ["AA", &random.of(URLSAFE, 33)].concat();
    let text = format!(
        "https://api.telegram.org/bot{}:{{}}/getMe\n",
        random.of(DIGITS, 10)
    );
    add("Telegram", text, &bot);
    let sendgrid = [
        "SG",
        ".",
        &random.of(URLSAFE, 22),
        ".",
        &random.of(URLSAFE, 43),
    ]
    .concat();
    add("SendGrid", "value: {}\n".into(), &sendgrid);
    let entra = [&random.of(ALNUM, 3), "8", "Q~", &random.of(ALNUM, 34)].concat();
    add("Entra", "value: \"{}\"\n".into(), &entra);
    stored(random, all);
}

/// Secrets that lie in files and tables.
fn stored(random: &mut Random, all: &mut Vec<Canary>) {
    let mut add = |format, text: String, secret: &str| {
        all.push(canary(
            format,
            text.replace("{}", secret),
            secret.to_owned(),
        ));
    };
    let note = STANDARD.encode([&[1], random.bytes(32).as_slice()].concat());
    let note = [
        "PRIVATE+",
        "KEY+log.internal/main+",
        &random.of(HEX, 8),
        "+",
        &note,
    ]
    .concat();
    add("signing key of a log", "$ cat key\r\n{}\r\n".into(), &note);
    let hash = [
        "$",
        "6",
        "$",
        &random.of(ALNUM, 16),
        "$",
        &random.of(ALNUM, 86),
    ]
    .concat();
    add("crypt hash", "ada:{}:19000:0:99999:7:::\n".into(), &hash);
    for (separator, place) in [("", "card {} ok\n"), (" ", "| 7 | {} |\n"), ("-", "n={}\n")] {
        let digits = card(random);
        let groups: Vec<&str> = (0..4).map(|at| &digits[at * 4..at * 4 + 4]).collect();
        add("card number", place.into(), &groups.join(separator));
    }
}

/// A number of 16 digits with a right check digit.
fn card(random: &mut Random) -> String {
    let head = ["4", "51", "2221", "6011"][random.below(4)];
    let digits = head.to_owned() + &random.of(DIGITS, 15 - head.len()).replace(' ', "");
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| (at, u32::from(digit - b'0')))
        .map(|(at, digit)| {
            if at % 2 == 0 {
                digit * 2 / 10 + digit * 2 % 10
            } else {
                digit
            }
        })
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// Private keys.
fn keys(random: &mut Random, all: &mut Vec<Canary>) {
    for label in ["RSA ", "", "OPENSSH ", "EC ", "ENCRYPTED "] {
        let body = STANDARD.encode(random.bytes(130));
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).expect("base64"))
            .collect();
        let begin = ["-----BEGIN ", label, "PRIV", "ATE KEY-----"].concat();
        let end = ["-----END ", label, "PRIV", "ATE KEY-----"].concat();
        let pem = |line_end: &str| {
            [&[begin.as_str()], lines.as_slice(), &[&end]]
                .concat()
                .join(line_end)
        };
        let secret = lines.join("\n");
        let shown = format!("$ cat key.pem\r\n{}\r\n$ ls\r\n", pem("\r\n"));
        all.push(canary("private key", shown, secret.clone()));
        let json = format!("{{\"private_key\": \"{}\\n\", \"a\": 1}}\n", pem("\\n"));
        all.push(canary("private key in JSON", json, secret.clone()));
        let yaml = format!("key: |\n  {}\nnext: 1\n", pem("\n  "));
        all.push(canary("private key in YAML", yaml, secret));
        let secret = STANDARD.encode(pem("\n"));
        let text = format!("data:\n  tls.key: {secret}\ntype: Opaque\n");
        all.push(canary("private key of Kubernetes", text, secret));
    }
}
