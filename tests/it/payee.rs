//! Who is paid: what a person says of themselves to banks, and who may know how much of it.

use serde_json::json;
use tests::TestApp;

const SHOWN: &str = "payee { latinName urduName address phone cnicLast4 ntnLast4 missing version }";

#[tokio::test]
async fn a_payee_is_known_by_the_last_four_and_found_by_the_whole_number_by_admins_alone() {
    let app = TestApp::new().await;
    let (lin, ada, amna) = (app.freelancer("lin").await, app.person("ada").await, app.admin("amna").await);
    let blank = lin.asks(&format!("{{ viewer {{ {SHOWN} }} }}"), json!({})).await;
    assert_eq!(blank.data()["viewer"]["payee"]["missing"], json!(["address", "phone", "cnic"]));
    let said = json!({ "urduName": "لن خان", "address": "12 Mall Road, Lahore", "phone": "+92 300 1234567",
        "cnic": "35202-1234567-1", "ntn": "1234567-8" });
    let reply = lin.does("payeeUpdate", said, SHOWN).await;
    let payee = json!({ "latinName": null, "urduName": "لن خان", "address": "12 Mall Road, Lahore",
        "phone": "+923001234567", "cnicLast4": "5671", "ntnLast4": "5678", "missing": [], "version": 1 });
    assert_eq!(reply.ok()["payee"], payee);

    let bad = json!({ "latinName": "M. Lin", "phone": "0300", "cnic": "1", "expectedVersion": 1 });
    let faults = lin.does("payeeUpdate", bad, SHOWN).await.faults();
    assert_eq!(faults, ["latinName: MALFORMED", "phone: MALFORMED", "cnic: MALFORMED"]);
    let stale = json!({ "address": "Elsewhere 1", "expectedVersion": 0 });
    assert_eq!(lin.does("payeeUpdate", stale, SHOWN).await.refused(), ["STALE_VERSION"]);

    let query = "query($number: String!) { payeesByNumber(number: $number) { id } }";
    for number in ["35202 1234567 1", "12345678"] {
        let found = amna.asks(query, json!({ "number": number })).await;
        assert_eq!(found.data()["payeesByNumber"], json!([{ "id": lin.id }]), "{number}");
        for other in [&ada, &lin] {
            let refused = other.asks(query, json!({ "number": number })).await;
            assert!(
                refused.body["data"]["payeesByNumber"].is_null() && !refused.failed().is_empty(),
                "{}",
                refused.body
            );
        }
    }
    let none = amna.asks(query, json!({ "number": "35202-7654321-1" })).await;
    assert_eq!(none.data()["payeesByNumber"], json!([]));
    let mine = ada.asks(&format!("{{ viewer {{ {SHOWN} }} }}"), json!({})).await;
    assert_eq!(mine.data()["viewer"]["payee"]["cnicLast4"], json!(null), "another's is another's");
}
