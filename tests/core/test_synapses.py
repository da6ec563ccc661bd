"""Synapses: one suite over every operator, and a diluted network against its theory."""

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import neuromem as nm
from neuromem.core.errors import ShapeError
from neuromem.core.packed import PackedPatterns
from neuromem.core.synapses import DenseSynapses, OverlapSynapses, SparseSynapses, rows_of

RNG = np.random.default_rng(0)
KEYS = nm.patterns.random(70, 40, rng=0)
SQUARE = RNG.standard_normal((40, 40))
MIXING = RNG.standard_normal((70, 70))
X = KEYS.astype(float)
SPARSE = scipy.sparse.random_array((40, 40), density=0.2, rng=1, format="csr")


def off_diagonal(matrix):
    return matrix - np.diag(np.diagonal(matrix))


OPERATORS = {
    "dense": (lambda: DenseSynapses(SQUARE.copy(), 0.5), SQUARE / 2),
    "dense, zero diagonal": (
        lambda: DenseSynapses(SQUARE.copy(), 0.5, zero_diagonal=True),
        off_diagonal(SQUARE) / 2,
    ),
    "sparse": (lambda: SparseSynapses(SPARSE, 3.0), SPARSE.toarray() * 3),
    "overlap": (
        lambda: OverlapSynapses(PackedPatterns(40).append(KEYS), 0.1),
        off_diagonal(X.T @ X) / 10,
    ),
    "overlap, kept diagonal": (
        lambda: OverlapSynapses(PackedPatterns(40).append(KEYS), 0.1, zero_diagonal=False),
        X.T @ X / 10,
    ),
    "overlap, mixed": (
        lambda: OverlapSynapses(PackedPatterns(40).append(KEYS), 0.1, MIXING),
        off_diagonal(X.T @ MIXING @ X) / 10,
    ),
}


@pytest.fixture(params=OPERATORS.values(), ids=OPERATORS)
def case(request):
    make, matrix = request.param
    return make(), matrix


def test_products_are_those_of_the_matrix(case):
    operator, matrix = case
    x, batch = RNG.standard_normal(40), RNG.standard_normal((40, 7))
    np.testing.assert_allclose(operator @ x, matrix @ x, atol=1e-9)
    np.testing.assert_allclose(operator @ batch, matrix @ batch, atol=1e-9)
    np.testing.assert_allclose(operator.T @ x, matrix.T @ x, atol=1e-9)
    np.testing.assert_allclose(operator.T @ batch, matrix.T @ batch, atol=1e-9)


def test_fields_are_products_before_the_scale(case):
    operator, matrix = case
    states = nm.patterns.random(5, 40, rng=3)
    np.testing.assert_allclose(
        operator.fields(states) * operator.scale, states @ matrix.T, atol=1e-9
    )


def test_rows_are_those_of_the_matrix(case):
    operator, matrix = case
    chosen = [39, 0, 7, 7]
    np.testing.assert_allclose(operator.rows(chosen), matrix[chosen], atol=1e-9)
    np.testing.assert_allclose(rows_of(operator, chosen), matrix[chosen], atol=1e-9)


def test_a_foreign_operator_gives_its_rows_by_unit_vectors():
    np.testing.assert_allclose(rows_of(aslinearoperator(SQUARE), [3, 1]), SQUARE[[3, 1]])


def test_they_say_what_they_weigh(case):
    operator, _ = case
    assert operator.nbytes > 0


def test_an_outer_product_is_added_in_the_units_of_the_weights():
    operator = DenseSynapses(SQUARE.copy(), 0.25)
    left, right = RNG.standard_normal(40), RNG.standard_normal(40)
    operator.add_outer(left, right)
    wanted = SQUARE / 4 + np.outer(left, right)
    np.testing.assert_allclose(operator @ np.eye(40), wanted, atol=1e-12)


def test_weights_must_be_a_matrix():
    with pytest.raises(ShapeError, match=r"weights have shape \(3,\); expected \(n_out, n_in\)"):
        DenseSynapses(np.zeros(3))


@pytest.mark.parametrize("load", [0.2, 0.4])
def test_a_diluted_network_has_the_overlap_of_its_theory(load):
    """N = 20,000 units with K = 60 random inputs each: m = erf(m / sqrt(2 alpha)), where P - 1
    other patterns make the noise, alpha = (P - 1) / K (Derrida, Gardner & Zippelius, Europhys.
    Lett. 4, 167, 1987). The sd over units is below 1 / sqrt(N) = 0.007 for each of six cues."""
    n, k = 20_000, 60
    keys = nm.patterns.random(round(load * k), n, rng=4)
    columns = np.random.default_rng(5).integers(0, n, (n, k))
    weights = np.einsum("pi,pik->ik", keys, keys[:, columns], dtype=float)
    places = np.arange(0, n * k + 1, k)
    diluted = SparseSynapses(
        scipy.sparse.csr_array((weights.ravel(), columns.ravel(), places), shape=(n, n)), 1 / k
    )
    net = nm.models.Hopfield(n).store(keys).with_synapses({"recurrent": diluted})
    m = net.recall(keys[:6], update="sync", steps=40).overlap(keys[:6])
    theory = nm.theory.retrieval_overlap_of((len(keys) - 1) / k, "dilute")
    assert m.mean() == pytest.approx(theory, abs=0.01)
