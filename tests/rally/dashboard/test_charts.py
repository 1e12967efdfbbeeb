from decimal import Decimal

from django.utils import translation

from rally.dashboard.charts import bar, columns


def test_charts_do_not_depend_on_the_language():
    with translation.override("de"):
        assert bar(Decimal(1), Decimal(8)) == "12.50%"
    low, nothing, high = columns([1, 0, 1000], height=100)
    assert (low.height, nothing.height, high.height, high.y) == (2, 0, 100, 0)
    assert (low.left, nothing.left, high.left) == ("0.00%", "33.33%", "66.67%")
