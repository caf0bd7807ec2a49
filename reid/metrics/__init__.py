"""How well a search finds people: who is to be found, at which ranks they come, and what that scores."""

from reid.metrics.chance import chance_map
from reid.metrics.pairs import PairSimilarities, pair_similarities
from reid.metrics.ranks import Ranks, find_ranks
from reid.metrics.scoring import (
    RANKS,
    AveragePrecision,
    QueryScores,
    RankingScores,
    mean_scores,
    rank_vectors,
    score_queries,
    score_ranking,
)
from reid.metrics.searching import Search
from reid.metrics.similarities import MOST_BYTES, Distance, Vectors, check_vectors, rows_at_once, similarity_blocks

__all__ = [
    "MOST_BYTES",
    "RANKS",
    "AveragePrecision",
    "Distance",
    "PairSimilarities",
    "QueryScores",
    "RankingScores",
    "Ranks",
    "Search",
    "Vectors",
    "chance_map",
    "check_vectors",
    "find_ranks",
    "mean_scores",
    "pair_similarities",
    "rank_vectors",
    "rows_at_once",
    "score_queries",
    "score_ranking",
    "similarity_blocks",
]
