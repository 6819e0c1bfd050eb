"""The functions that user SQL may call, by kind; every other one is refused.

None of them reads anything but its arguments, none makes much out of little (no `range`, `repeat`, lambdas or string
distances), so that the engine looks at its clock often enough to end a statement at its limit.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KINDS: dict[str, str] = {
    "aggregate": """
        count sum avg min max any anyLast first_value last_value argMin argMax uniq uniqExact uniqCombined uniqHLL12
        median quantile quantiles quantileExact quantilesExact quantileExactWeighted quantilesExactWeighted
        quantileTDigest quantilesTDigest quantileTDigestWeighted
        topK topKWeighted groupArray groupUniqArray avgWeighted
        stddevPop stddevSamp varPop varSamp covarPop covarSamp corr skewPop skewSamp kurtPop kurtSamp
        windowFunnel retention entropy
        countIf sumIf avgIf minIf maxIf anyIf argMinIf argMaxIf uniqIf uniqExactIf medianIf quantileIf quantileExactIf
        quantileExactWeightedIf topKIf groupArrayIf groupUniqArrayIf
    """,
    "window": "row_number rank dense_rank ntile lag lead lagInFrame leadInFrame nth_value",
    "condition": """
        if multiIf coalesce ifNull nullIf isNull isNotNull assumeNotNull toNullable greatest least not and or xor
    """,
    "conversion": """
        toString toUInt8 toUInt16 toUInt32 toUInt64 toInt8 toInt16 toInt32 toInt64 toFloat32 toFloat64 toBool
        toUInt64OrZero toUInt64OrNull toInt64OrZero toInt64OrNull toFloat64OrZero toFloat64OrNull
        toDate toDateTime toDateTime64 toDateOrNull toDateTimeOrNull parseDateTimeBestEffort
        parseDateTimeBestEffortOrNull toUUID toUUIDOrNull toTypeName
    """,
    "date and time": """
        now now64 today yesterday toYear toQuarter toMonth toWeek toISOWeek toISOYear toDayOfYear toDayOfMonth
        toDayOfWeek toHour toMinute toSecond toUnixTimestamp toUnixTimestamp64Milli fromUnixTimestamp toYYYYMM
        toYYYYMMDD toStartOfYear toStartOfQuarter toStartOfMonth toStartOfWeek toMonday toStartOfDay toStartOfHour
        toStartOfMinute toStartOfSecond toStartOfFiveMinutes toStartOfFiveMinute toStartOfTenMinutes
        toStartOfFifteenMinutes toStartOfInterval dateTrunc date_trunc dateDiff date_diff timeSlot toTimeZone timeZone
        formatDateTime dateName monthName age addSeconds addMinutes addHours addDays addWeeks addMonths addYears
        subtractSeconds subtractMinutes subtractHours subtractDays subtractWeeks subtractMonths subtractYears
        toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth toIntervalYear
    """,
    "number": """
        abs sign plus minus multiply divide intDiv intDivOrZero modulo negate round floor ceil ceiling trunc sqrt cbrt
        exp exp2 exp10 log ln log2 log10 log1p pow power sin cos tan asin acos atan atan2 pi e isNaN isFinite isInfinite
        bitAnd bitOr bitXor bitNot bitShiftLeft bitShiftRight bitTest bitCount roundDown widthBucket
    """,
    "text": """
        length lengthUTF8 char_length empty notEmpty lower upper lcase ucase lowerUTF8 upperUTF8 concat substring substr
        substringUTF8 left right trim ltrim rtrim trimLeft trimRight trimBoth startsWith endsWith position positionUTF8
        positionCaseInsensitive locate replaceOne replaceAll replace reverse like ilike notLike match extract
        splitByChar splitByString format hex unhex bin base64Encode toValidUTF8 isValidUTF8
        domain path cutQueryString leftPad rightPad leftUTF8 rightUTF8
    """,
    "hash": "cityHash64 sipHash64 xxHash64",
    "list": """
        arrayJoin array tuple tupleElement arrayElement has hasAny hasAll indexOf arraySort arrayReverseSort
        arrayReverse arrayDistinct arrayUniq arraySum arrayAvg arrayMin arrayMax arraySlice arrayStringConcat
        arrayEnumerate
    """,
    "JSON": """
        JSONExtractString JSONExtractInt JSONExtractUInt JSONExtractFloat JSONExtractBool JSONExtractRaw
        JSONHas JSONLength JSONType JSONExtractArrayRaw JSONExtractKeys isValidJSON
    """,
}
"""The names of each kind, as the engine writes them."""

_ANY_CASE = _words("""
    count sum avg min max first_value last_value if coalesce ifnull nullif isnull greatest least now today length
    lower upper lcase ucase concat substring substr left right replace position locate abs sign round floor ceil
    ceiling trunc sqrt exp log ln log2 log10 pow power sin cos tan asin acos atan atan2 pi date_trunc date_diff
    row_number rank dense_rank ntile lag lead reverse char_length
""")
"""Functions that standard SQL and Cloudflare Analytics Engine know in any case of letters."""

NAMES = tuple(name for kind in KINDS.values() for name in kind.split())
FUNCTIONS = frozenset(NAMES) | {name.upper() for name in NAMES if name.lower() in _ANY_CASE}
"""The allow-list: names as the engine writes them, and for those that any case is known of, in capitals too."""

INTERNAL = _words("""
    equals notEquals less greater lessOrEquals greaterOrEquals in notIn _CAST CAST accurateCast and or xor not negate
       plus minus multiply divide modulo intDiv concat arrayElement tupleElement array tuple isNull isNotNull like ilike
    notLike notILike multiIf if countDistinct uniqExact exists identity __scalarSubqueryResult materialize nullIn
    notNullIn isDistinctFrom isNotDistinctFrom dateTrunc caseWithExpression caseWithoutExpression transform
    ignore indexHint sumOrNull singleValueOrNull toQuarter toYear toUUID JSONExtract denseRank toTimezone timezone
    toUnixTimestamp64Micro
    """)
"""Functions that the engine writes where the statement has operators, CASE, CAST or EXTRACT."""
