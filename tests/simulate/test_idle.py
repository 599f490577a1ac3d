"""A changed setting that no reported quantity can feel is named with its reason; one that is felt is not."""

import pnstrial as pns
from pnstrial.engine.idle import idle_settings

PROTOCOL = pns.load_protocol("nct02343211")
HU = pns.load_scenario("anti-hu-plain")


def test_late_cycles_do_nothing_where_ivig_does_nothing():
    late = HU.changed(treatment={"late": 0.3})
    found = idle_settings(PROTOCOL, HU, late)
    assert list(found) == ["treatment.late"]
    assert "course.ivig is 1" in found["treatment.late"]
    assert idle_settings(PROTOCOL, HU, late, ["probability_of_success", "cycles_per_patient"]) == {}
    assert idle_settings(PROTOCOL, HU, HU) == {}


def test_each_setting_is_judged_by_itself():
    changed = HU.changed(
        visits={"missed": 0.2},
        rescue={"per_month": 0.2},
        survival_null={"alpha": 0.1},
        enrolment={"sites": 9},
    )
    policy = PROTOCOL.with_estimand(rescue="treatment policy")
    found = idle_settings(policy, HU, changed)
    assert set(found) == {"rescue.per_month", "survival_null.alpha", "enrolment.sites"}
    assert "treatment policy" in found["rescue.per_month"]
    assert set(idle_settings(PROTOCOL, HU, changed)) == {"survival_null.alpha", "enrolment.sites"}
    assert "survival_null.alpha" not in idle_settings(policy, HU, changed, ["power_logrank"])
