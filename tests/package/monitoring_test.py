"""The dashboard and the alerts name only what a serving node shows, and the alerts are those of docs/operations.md. Usage:
monitoring_test.py CARELEDGER"""

import json
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
del sys.argv[2:4]  # what the other tests of this folder want
sys.path.append(str(ROOT / "tests/system"))
from node import Scratch, http, token  # noqa: E402

DASHBOARD, RULES = ROOT / "packaging/grafana/careledger.json", ROOT / "packaging/prometheus/careledger.rules.yml"
OPERATIONS = ROOT / "docs/operations.md"
METRIC = re.compile(r"\bcareledger_[a-z0-9_]+")
OF_PROMETHEUS = {"instance", "job", "le"}


def expressions_of_rules(text):
    return re.findall(r"^        expr: (.+)$", text, re.M)


def expressions_of_dashboard(dashboard):
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (one["query"]["query"] for one in dashboard["templating"]["list"] if one["type"] == "query")


def labels_of(expression):
    """Those that are matched, and those that are grouped by."""
    for inside in re.findall(r"\{([^}]*)\}", expression):
        yield from re.findall(r"([a-z_]+)\s*[=!]", inside)
    for inside in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
        yield from (name.strip() for name in inside.split(","))


def shown(text):
    """{metric: labels} of a node's /metrics."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name = re.match(r"[a-z0-9_]+", line).group()
            found.setdefault(name, set()).update(re.findall(r'[{,]([a-z_]+)="', line))
    return found


def breaches(expression, metrics):
    """Metrics that no node has, and labels that none of the expression's metrics has."""
    names = METRIC.findall(expression)
    yield from (name for name in names if name not in metrics)
    known = OF_PROMETHEUS.union(*(metrics.get(name, set()) for name in names))
    yield from (label for label in labels_of(expression) if label not in known)


class Monitoring(Scratch):
    @property
    def rules(self):
        return RULES.read_text(encoding="utf-8")

    @property
    def dashboard(self):
        return json.loads(DASHBOARD.read_text(encoding="utf-8"))

    def metrics(self):
        self.init()
        node = self.serve()
        self.create(node, token(self.folder))
        return shown(http(node.origin + "/metrics")[2].decode())

    def test_every_metric_and_label_is_one_that_a_node_shows(self):
        metrics = self.metrics()
        expressions = [*expressions_of_rules(self.rules), *expressions_of_dashboard(self.dashboard)]
        self.assertGreater(len(expressions), 25)
        for expression in expressions:
            self.assertEqual(list(breaches(expression, metrics)), [], expression)
            self.assertTrue(METRIC.search(expression), expression)
        self.assertEqual(list(breaches('sum by (place) (careledger_nothing{kind="x"})', metrics)), ["careledger_nothing", "kind", "place"])

    def test_a_quiet_node_counts_no_alerts_rather_than_nothing(self):
        self.init()
        node = self.serve()
        lines = [line for line in http(node.origin + "/metrics")[2].decode().splitlines() if line.startswith("careledger_alerts_total")]
        self.assertEqual(sorted(lines), [f'careledger_alerts_total{{from="{name}"}} 0' for name in ("disk", "engine", "north-hospital")])

    def test_every_figure_to_watch_has_an_alert_and_the_other_way_round(self):
        rows = re.findall(r"^\| (`careledger_.*?) \| (.*?) \|$", OPERATIONS.read_text(encoding="utf-8"), re.M)
        told = {name for names, when in rows if when != "for the trend" for name in METRIC.findall(names)}
        alarmed = {name for expression in expressions_of_rules(self.rules) for name in METRIC.findall(expression)}
        self.assertGreater(len(told), 8)
        self.assertEqual(told, alarmed)

    def test_every_alert_says_what_it_is_and_how_bad(self):
        alerts = re.split(r"^      - alert: ", self.rules, flags=re.M)[1:]
        names = [alert.split("\n", 1)[0] for alert in alerts]
        self.assertEqual(len(names), len(set(names)))
        for alert in alerts:
            self.assertRegex(alert, r"\n        labels: \{severity: (critical|warning)\}\n        annotations:\n          summary: \".+\"\n"
                                    r"          description: .+\n", alert)
            self.assertEqual(alert.split("expr: ")[1].split("\n")[0].count("("), alert.split("expr: ")[1].split("\n")[0].count(")"))

    def test_panels_lie_beside_each_other(self):
        taken = set()
        for panel in self.dashboard["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells


if __name__ == "__main__":
    unittest.main()
