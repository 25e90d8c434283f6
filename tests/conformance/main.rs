//! The sandbox, proven by what nobody here wrote: the vendors' own clients drive it, and a proxy holds
//! their traffic, and mentord's, against the vendors' own definitions (`contract.json`).
//!
//! It needs Node; without it these tests say so and are skipped, except in CI.

#[path = "../cli/stage.rs"]
#[expect(dead_code, reason = "most of it is for other stories")]
mod stage;

#[expect(dead_code, reason = "most of it is for other stories")]
mod consented;
mod judged;
mod node;
#[path = "../postgres/mod.rs"]
mod postgres;
mod prism;
mod service;

use mentord::sandbox::{Options, Provider, Sandbox};

use node::{Node, script};
use prism::Prism;

async fn sandbox() -> Sandbox {
    let now = "2026-10-01T08:00:00Z".parse().expect("an instant");
    // Pages of two: nothing is read in one go.
    let options = Options { page_size: 2, plain_callbacks: true, ..Options::at(now) };
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    for (address, name, provider) in [
        ("anna@acme.example", "Anna Arndt", Provider::Google),
        ("ben@acme.example", "Ben Brandt", Provider::Google),
        ("clara@contoso.example", "Clara Conti", Provider::Microsoft),
        ("dan@contoso.example", "Dan Duarte", Provider::Microsoft),
    ] {
        sandbox.control().person(address, name, provider).await.expect("a person");
    }
    sandbox
}

#[tokio::test]
async fn google_s_own_client_gets_along_with_the_sandbox() {
    let Some(node) = Node::ready().await else { return };
    let sandbox = sandbox().await;
    script(&node, "google.mjs", &sandbox, &sandbox.url()).await;
}

#[tokio::test]
async fn microsoft_s_own_client_gets_along_with_the_sandbox() {
    let Some(node) = Node::ready().await else { return };
    let sandbox = sandbox().await;
    script(&node, "graph.mjs", &sandbox, &sandbox.url()).await;
}

#[tokio::test]
async fn the_same_traffic_keeps_to_the_vendors_definitions() {
    let Some(node) = Node::ready().await else { return };
    let sandbox = sandbox().await;
    let prism = Prism::before(&node, &sandbox).await;
    script(&node, "google.mjs", &sandbox, &prism.url).await;
    script(&node, "graph.mjs", &sandbox, &prism.url).await;
    // The log is looked through as well: a client may bear an answer that was refused.
    prism.found_nothing_wrong();
    script(&node, "canary.mjs", &sandbox, &prism.url).await;
}
