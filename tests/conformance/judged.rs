//! Prism is asked to find fault with every operation of the contract. Where it cannot make sense of a
//! schema it lets everything pass without a word, and then proves nothing.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::node::Node;
use crate::prism::Prism;

/// How far into a schema lies are told.
const DEPTH: usize = 2;

/// A vendor that answers whatever the request asks it to.
async fn puppet() -> String {
    let answer = async |headers: HeaderMap| {
        let wish = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let status = wish("x-status").parse().unwrap_or(StatusCode::IM_A_TEAPOT);
        (status, [(header::CONTENT_TYPE, "application/json")], wish("x-body").to_owned())
    };
    let door = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", door.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(door, Router::new().fallback(answer)).await });
    url
}

/// The contract, and how schemas are found in it.
struct Law(Value);

impl Law {
    fn read() -> Self {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
        let text = std::fs::read(folder.join("contract.json")).expect("a contract");
        Self(serde_json::from_slice(&text).expect("JSON"))
    }

    fn schema<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.0.pointer(name.trim_start_matches('#')).expect("what is referred to"),
            None => schema,
        }
    }

    /// The least that keeps to a schema.
    fn honest(&self, schema: &Value) -> Value {
        let schema = self.schema(schema);
        match schema["type"].as_str() {
            Some("array") => json!([]),
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("string") if schema["format"] == "date-time" => json!("2026-10-01T08:00:00Z"),
            Some("string") => schema["enum"].get(0).cloned().unwrap_or(json!("x")),
            _ => {
                let required = schema["required"].as_array().into_iter().flatten();
                let names = required.filter_map(Value::as_str);
                names.map(|name| (name.to_owned(), self.honest(&schema["properties"][name]))).collect()
            }
        }
    }

    /// What breaks a schema, each in one place.
    fn lies(&self, schema: &Value, depth: usize) -> Vec<Value> {
        let schema = self.schema(schema);
        let mut lies = vec![json!(["surprise"])];
        let Value::Object(honest) = self.honest(schema) else { return lies };
        let with = |name: &str, value: Value| {
            let mut lie: Map<String, Value> = honest.clone();
            lie.insert(name.to_owned(), value);
            Value::Object(lie)
        };
        if schema["additionalProperties"] == false {
            lies.push(with("nobodyKnows", json!(true)));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut lie = honest.clone();
            lie.remove(name);
            lies.push(Value::Object(lie));
        }
        for (name, one) in schema["properties"].as_object().into_iter().flatten() {
            let one = self.schema(one);
            let item = if one["type"] == "array" { self.schema(&one["items"]) } else { one };
            let inner = match (item["type"].as_str(), depth) {
                (None, _) | (Some("object"), 0) => Vec::new(),
                (Some("object"), depth) => self.lies(item, depth - 1),
                (Some(_), _) => vec![json!({"sur": "prise"})],
            };
            for lie in inner {
                lies.push(with(name, if one["type"] == "array" { json!([lie]) } else { lie }));
            }
        }
        lies
    }
}

fn json_of(part: &Value) -> Option<&Value> {
    part.pointer("/content/application~1json/schema")
}

struct Operation<'a> {
    method: String,
    path: String,
    body: Option<Value>,
    law: &'a Value,
}

fn operations(law: &Law) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, methods) in law.0["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let filled: Vec<&str> =
                path.split('/').map(|part| if part.starts_with('{') { "x1" } else { part }).collect();
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" && parameter["required"] == true {
                    query.append_pair(parameter["name"].as_str().expect("a name"), "x");
                }
            }
            all.push(Operation {
                method: method.to_uppercase(),
                path: format!("{}?{}", filled.join("/"), query.finish()),
                body: json_of(&operation["requestBody"]).map(|schema| law.honest(schema)),
                law: operation,
            });
        }
    }
    all
}

struct Court {
    prism: Prism,
    http: reqwest::Client,
}

impl Court {
    /// The status, and whether it is Prism's own verdict.
    async fn judge(&self, one: &Operation<'_>, body: Option<&Value>, told: (u16, &Value)) -> (u16, bool) {
        let url = format!("{}{}", self.prism.url, one.path);
        let request = self.http.request(one.method.parse().expect("a method"), url);
        let request = request.header("x-status", told.0).header("x-body", told.1.to_string());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let of_prism = kind.is_some_and(|kind| kind == "application/problem+json");
        (answer.status().as_u16(), of_prism)
    }
}

#[tokio::test]
async fn no_operation_of_the_contract_goes_unjudged() {
    let Some(node) = Node::ready().await else { return };
    #[expect(clippy::disallowed_methods, reason = "a client of its own, not the service's")]
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let court = Court { prism: Prism::facing(&node, &puppet().await).await, http };
    let law = Law::read();
    let mut wrong = Vec::new();
    for one in operations(&law) {
        let name = format!("{} {}", one.method, one.path);
        let honest_body = one.body.as_ref();
        for (status, answer) in one.law["responses"].as_object().expect("responses") {
            let Some(schema) = json_of(answer) else { continue };
            let status = status.parse().unwrap_or(404);
            let honest = law.honest(schema);
            if court.judge(&one, honest_body, (status, &honest)).await != (status, false) {
                wrong.push(format!("{name}: the truth is refused: {status} {honest}"));
            }
            for lie in law.lies(schema, DEPTH) {
                if court.judge(&one, honest_body, (status, &lie)).await != (500, true) {
                    wrong.push(format!("{name}: a lie goes through: {status} {lie}"));
                }
            }
        }
        let Some(schema) = json_of(&one.law["requestBody"]) else { continue };
        for lie in law.lies(schema, DEPTH) {
            if court.judge(&one, Some(&lie), (404, &json!({}))).await != (422, true) {
                wrong.push(format!("{name}: a wrong request goes through: {lie}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}
