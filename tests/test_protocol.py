"""The protocol file: what it holds, that it round-trips, and what a wrong one is told."""

import pytest

from pnstrial.protocol import Protocol, ProtocolError, load_protocol, shipped_protocols


@pytest.mark.parametrize("name", shipped_protocols())
def test_round_trip(name):
    protocol = load_protocol(name)
    assert Protocol.from_toml(protocol.to_toml()) == protocol


def test_registry_record_adds_three_criteria_and_widens_the_rankin_range():
    publication, registry = (load_protocol(name) for name in ("nct02343211", "nct02343211-registry"))
    assert {c.id for c in registry.criteria} - {c.id for c in publication.criteria} == {"I7", "E5", "E6"}
    ranges = [next(c for c in p.criteria if c.id == "I4").maximum for p in (publication, registry)]
    assert ranges == [3, 4]


def test_every_number_has_a_source_or_is_assumed(protocol):
    assert ("visits.Month 3.first_day", "71") in protocol.assumed
    assert ("endpoint.null_proportion", "none") in protocol.assumed
    assert all(source for _, source in protocol._all_sources())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo = 1", r"foo = 1: no such key here"),
        (
            "[treatment]\ndose_g_per_kg = -2",
            r"treatment\.dose_g_per_kg = -2: allowed is a number greater than 0 and at most 10",
        ),
        ('[estimand]\ndeath = "maybe"', r"estimand\.death = 'maybe': allowed is 'composite' or 'exclude'"),
        ('[decision]\nvisit = "Month 9"', r"decision\.visit is 'Month 9'; visits has Month 3, Month 6"),
        ("[endpoint]\nnull_proportion = 1.5", r"endpoint\.null_proportion = 1\.5"),
        ('[estimand.source]\ndeath = "hearsay"', r"estimand\.death names the source 'hearsay'"),
        ("[treatment]\ncycles_after_decision = 4", "is over 6, the last cycle of the tables"),
        ("[treatment]\ninfusion_days = 9", "infusion_days must lie between"),
        ("[treatment]\nvials_g = [0]", "vials_g must all be over 0"),
        ('[medications.atc]\nx = ["24"]', "24 is no ATC code"),
        (
            '[[criteria]]\nid="I1"\nkind="x"\nlabel="a"\nsource="publication"',
            r"criteria\[0\]: kind must be one of",
        ),
        (
            '[[criteria]]\nid="I1"\nkind="range"\nlabel="a"\nsource="publication"\ncolumn="mrs"',
            "a range needs minimum, maximum or both",
        ),
        (
            '[[criteria]]\nid="I1"\nkind="range"\nlabel="a"\nsource="publication"\ncolumn="mrs"\nminimum=3\nmaximum=2',
            "minimum 3 is over maximum 2",
        ),
        (
            '[[criteria]]\nid="I4"\nminimum="two"',
            r"criteria\[3\]\.minimum = 'two': allowed is a number \(in I4\)",
        ),
        (
            '[[criteria]]\nid="I9"\nkind="onset"',
            r"criteria\[10\]\.within_months: missing; wanted is a whole number",
        ),
        ('drop = ["E9", "I1"]', "drop names E9, which nct02343211 does not have"),
        (
            '[[criteria]]\nid="I1"\nkind="word"\nlabel="a"\nsource="publication"\ncolumn="sex"\nallowed=["f"]',
            "sex has the words female, male",
        ),
        (
            (
                "[[visits]]\nname='V'\ntarget_day=10\nfirst_day=20\nlast_day=30\n"
                "source={target_day='assumed',first_day='assumed',last_day='assumed'}"
            ),
            "window 20-30 does not hold the target day 10",
        ),
    ],
)
def test_wrong_settings_name_key_value_and_what_is_allowed(text, message):
    with pytest.raises(ProtocolError, match=message):
        Protocol.from_toml(f'based_on = "nct02343211"\n{text}')


def test_all_wrong_settings_are_told_at_once():
    with pytest.raises(ProtocolError) as caught:
        Protocol.from_toml('based_on = "nct02343211"\nfoo = 1\n[estimand]\ndeath = "x"\nrescue = "y"')
    assert all(word in str(caught.value) for word in ("foo", "estimand.death", "estimand.rescue"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "is not TOML"),
        ("based_on = 3", "based_on is 3"),
        ('based_on = "none-such"', "neither a file nor"),
    ],
)
def test_unusable_files(text, message):
    with pytest.raises(ProtocolError, match=message):
        Protocol.from_toml(text)


def laid_over(text):
    return Protocol.from_toml(f'based_on = "nct02343211"\n{text}')


def test_an_entry_of_a_list_is_laid_over_by_its_id_and_a_changed_setting_is_assumed(protocol):
    changed = laid_over('[[criteria]]\nid = "I4"\nmaximum = 4')
    assert [c.id for c in changed.criteria] == [c.id for c in protocol.criteria]
    assert (changed.criteria[3].minimum, changed.criteria[3].maximum) == (2, 4)
    assert (changed.criteria[3].source, protocol.criteria[3].source) == ("assumed", "publication")
    stated = laid_over('[[criteria]]\nid = "I4"\nmaximum = 4\nsource = "registry"')
    assert stated.criteria[3].source == "registry"


def test_a_changed_kind_replaces_the_criterion_and_a_new_one_comes_at_the_end():
    changed = laid_over(
        '[[criteria]]\nid = "I4"\nkind = "answer"\nlabel = "a"\ncolumn = "thrombophilia"\nrequired = "no"\n'
        'source = "registry"\n[[criteria]]\nid = "I9"\nkind = "consent"\nlabel = "b"\nsource = "assumed"'
    )
    assert changed.criteria[3].model_dump(exclude={"label"}) == {
        "id": "I4", "kind": "answer", "column": "thrombophilia", "required": "no", "source": "registry",
    }  # fmt: skip
    assert changed.criteria[-1].id == "I9"


def test_entries_are_dropped_by_id_or_name_and_plain_lists_replaced_whole(protocol):
    changed = laid_over(
        'drop = ["E1", "Month 6"]\n[endpoint]\nsecondary_visits = []\n[treatment]\nvials_g = [10]'
    )
    assert {c.id for c in protocol.criteria} - {c.id for c in changed.criteria} == {"E1"}
    assert [visit.name for visit in changed.visits] == ["Month 3"]
    assert changed.treatment.vials_g == (10.0,)
    assert changed.treatment.source["vials_g"] == "assumed"


def test_a_setting_stated_again_keeps_its_source(protocol):
    same = laid_over("[treatment]\ndose_g_per_kg = 2\ncycle_days = 21")
    assert same.treatment.source == {**protocol.treatment.source, "cycle_days": "assumed"}


def test_a_visit_is_laid_over_by_its_name(protocol):
    changed = laid_over('[[visits]]\nname = "Month 3"\nfirst_day = 64\nlast_day = 99')
    assert changed.visit("Month 3").source == {**protocol.visit("Month 3").source, "first_day": "assumed"}
    assert changed.visit("Month 6") == protocol.visit("Month 6")


def test_a_base_is_sought_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "base.toml").write_text('based_on = "nct02343211"\nid = "base"')
    (tmp_path / "own.toml").write_text('based_on = "base.toml"\ntitle = "own"')
    found = load_protocol(tmp_path / "own.toml")
    assert (found.id, found.title) == ("base", "own")


def test_files_in_a_circle_and_in_another_encoding(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(f'based_on = "{path}"')
    with pytest.raises(ProtocolError, match="goes in a circle"):
        load_protocol(path)
    path.write_bytes("title = 'é'".encode("latin-1"))
    with pytest.raises(ProtocolError, match="is not UTF-8"):
        load_protocol(path)


def test_other_settings_are_marked_as_assumed(protocol):
    changed = protocol.with_settings(treatment={"dose_g_per_kg": 1.0}, visits={"Month 3": {"first_day": 64}})
    assert changed.treatment.source["dose_g_per_kg"] == "assumed"
    assert changed.visit("Month 3").first_day == 64
    assert protocol.treatment.dose_g_per_kg == 2.0
    with pytest.raises(ProtocolError, match="has no section 'dose'"):
        protocol.with_settings(dose={})
    with pytest.raises(ProtocolError, match="visit 'Month 9' is not in protocol"):
        protocol.with_settings(visits={"Month 9": {}})


def test_an_added_visit_takes_its_place_in_time(protocol):
    """One that counts from the last infusion has a clock of its own and stays where the file has it."""
    last = protocol.with_visit("Late", target_day=20, first_day=10, last_day=30, after="last infusion")
    more = last.with_visit("Month 1", target_day=29, first_day=22, last_day=36)
    assert [visit.name for visit in more.visits] == ["Month 1", "Month 3", "Month 6", "Late"]
    assert Protocol.from_toml(more.to_toml()) == more


def test_a_script_adds_a_visit_or_a_criterion_in_one_call(protocol):
    longer = protocol.with_visit("Month 9", target_day=253, first_day=239, last_day=267)
    assert [visit.name for visit in longer.visits] == ["Month 3", "Month 6", "Month 9"]
    assert set(longer.visit("Month 9").source.values()) == {"assumed"}
    adults = protocol.with_criterion("I7", kind="range", column="age", minimum=18, label="Adult")
    assert (adults.criteria[-1].id, adults.criteria[-1].source, len(protocol.criteria)) == (
        "I7",
        "assumed",
        10,
    )
    with pytest.raises(
        ProtocolError, match=r"criteria\[10\]\.label: missing; wanted is text in quotation marks"
    ):
        protocol.with_criterion("I7", kind="range", column="age", minimum=18)
    assert len(protocol.without("E3", "E4").criteria) == 8
    with pytest.raises(ProtocolError, match="has no criterion or visit E9"):
        protocol.without("E9")
    with pytest.raises(ProtocolError, match=r"endpoint\.secondary_visits is 'Month 6'; visits has Month 3"):
        protocol.without("Month 6")


def test_two_protocols_are_compared_setting_by_setting():
    published, registry = (load_protocol(name) for name in ("nct02343211", "nct02343211-registry"))
    rows = published.diff(registry).set_index("setting")
    assert rows.loc["criteria.I4.maximum"].tolist() == [3.0, 4.0, "publication", "registry"]
    assert rows.loc["criteria.I7.minimum"].tolist() == [None, 18.0, None, "registry"]
    assert "treatment.dose_g_per_kg" not in rows.index
    assert published.diff(load_protocol()).empty


def test_two_protocols_stand_side_by_side_with_what_differs_marked():
    published, registry = (load_protocol(name) for name in ("nct02343211", "nct02343211-registry"))
    rows = published.diff(registry, everything=True).set_index("setting")
    assert set(rows.index) == {entry.key for entry in (*published.settings(), *registry.settings())}
    assert rows.loc["criteria.I4.maximum"].tolist() == [3.0, 4.0, "publication", "registry", "value"]
    assert rows.loc["treatment.dose_g_per_kg", "differs"] in {"", "source"}
    short = published.diff(registry)
    assert set(short["setting"]) <= set(rows.index[rows["differs"] != ""])
    assert set(rows.index[rows["differs"] == "value"]) <= set(short["setting"])
    assert (published.diff(load_protocol(), everything=True)["differs"] == "").all()


def test_a_protocol_shows_itself_on_one_screen_and_as_a_table(protocol):
    text = str(protocol).splitlines()
    assert len(text) <= 40
    assert max(map(len, text)) <= 110
    assert "  I4   Modified Rankin scale 2 or 3" in text
    changed = protocol.with_visit("Month 3", first_day=64)
    page = changed._repr_html_()
    assert "<td>visits.Month 3.first_day</td><td>64</td><td><strong>assumed</strong></td>" in page
    assert "<td>treatment.dose_g_per_kg</td><td>2.0</td><td>publication</td>" in page
    frame = changed.to_frame().set_index("setting")
    assert frame.loc["visits.Month 3.first_day"].tolist() == [64, "assumed"]


def test_the_default_protocol_and_any_case_of_a_name(protocol):
    assert load_protocol() == load_protocol("NCT02343211") == protocol


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[scales]]\nname="mRS"\ngrades=[0,2,1]', r"grades must rise, each once \(in mRS\)"),
        (
            '[[scales]]\nname="X"\nlowest=0\nhighest=10\nstep=3\nbetter="lower"',
            "from 0 to 10 are no whole steps of 3",
        ),
        (
            '[[scales]]\nname="X"\nlowest=0\nbetter="lower"\ndeath="worst grade"',
            "death can be a grade only of",
        ),
        ('[[scales]]\nname="X"\nlowest=0\ngrades=[0,1]\nbetter="lower"', "not both"),
        ('[[scales]]\nname="X"\nbetter="down"', r"better = 'down': allowed is 'lower' or 'higher'"),
        ('[endpoint]\nscale="EFIT"', r"endpoint\.scale is 'EFIT'; scales has mRS, Barthel, ICARS, ONLS"),
        (
            '[[scales]]\nname="EFIT"\nbetter="higher"\n[endpoint]\nscale="EFIT"',
            "which has no bounds: give it grades, or lowest and highest",
        ),
        ("[endpoint]\nimprovement_points=6", r"improvement_points is 6; mRS spans 5 points"),
        ('[endpoint]\nshift_test="t"', "shift_test = 't': allowed is 'signed-rank, zeros after Pratt'"),
    ],
)
def test_a_wrong_scale_is_answered(text, message):
    with pytest.raises(ProtocolError, match=message):
        laid_over(text)


def test_a_scale_is_whole_units_from_best_to_death(protocol):
    mrs, barthel, onls = protocol.scale(), protocol.scale("Barthel"), protocol.scale("ONLS")
    assert (mrs.units, mrs.dead, mrs.dead_score) == ((0, 1, 2, 3, 4, 5), 6, 6.0)
    assert (onls.units, onls.dead) == (tuple(range(13)), 13)
    assert barthel.to_units([100, 0, float("nan")]).tolist() == [0, 100, -1]
    with pytest.raises(ValueError, match=r"2\.5 is no grade of the scale mRS, which goes by 1"):
        mrs.to_units([2.5])
    with pytest.raises(ProtocolError, match="scale 'EDSS' is not in protocol nct02343211; it has mRS"):
        protocol.scale("EDSS")


def test_what_the_shift_is_tested_by_has_short_names_and_a_default():
    assert (
        laid_over('[endpoint]\nshift_test="Wilcoxon"').endpoint.shift_test
        == "signed-rank, zeros after Wilcoxon"
    )
    assert load_protocol().endpoint.source["shift_test"] == "assumed"


@pytest.mark.parametrize("value", [None, 3, [], b"nct02343211"])
def test_what_is_no_name_or_path_is_answered(value):
    with pytest.raises(
        ProtocolError, match=r"name_or_path is .*; give a shipped name or the path of a protocol"
    ):
        load_protocol(value)


@pytest.mark.parametrize("section", ["endpoint", "visits", "estimand"])
def test_settings_that_are_no_table_are_answered(protocol, section):
    with pytest.raises(ProtocolError, match=f"{section} is 3; give its settings by name"):
        protocol.with_settings(**{section: 3})
