"""Events of Auricle, typed. Made by `auricle schema types`: make it again instead of changing it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NotRequired, TypedDict


# The page.
ContextPage = TypedDict("ContextPage", {
    # Its address.
    'url': NotRequired[str | None],
    # Where the visitor came from.
    'referrer': NotRequired[str | None],
    # Its title.
    'title': NotRequired[str | None],
})


# The visible part of the page.
ContextDeviceViewport = TypedDict("ContextDeviceViewport", {
    # Pixels across.
    'width': NotRequired[float | None],
    # Pixels down.
    'height': NotRequired[float | None],
})


# The device.
ContextDevice = TypedDict("ContextDevice", {
    # Its User-Agent.
    'user_agent': NotRequired[str | None],
    # The visible part of the page.
    'viewport': NotRequired[ContextDeviceViewport | None],
})


# What the person agreed to.
ContextConsent = TypedDict("ContextConsent", {
    # Counting; false drops the event.
    'analytics': NotRequired[bool | None],
    # Advertising.
    'ads': NotRequired[bool | None],
})


# The surroundings of the event.
Context = TypedDict("Context", {
    # The page.
    'page': NotRequired[ContextPage | None],
    # The device.
    'device': NotRequired[ContextDevice | None],
    # Language and region, such as en-GB.
    'locale': NotRequired[str | None],
    # What the person agreed to.
    'consent': NotRequired[ContextConsent | None],
})


# What every event carries, whatever its name. An optional member that is null counts as absent.
Envelope = TypedDict("Envelope", {
    # The event's own UUID; a retry repeats it, so that the event is counted once.
    'event_id': str,
    # When it happened.
    'occurred_at': str,
    # The tenant, a UUID or a slug; the credential decides, so it may be left out.
    'tenant_id': NotRequired[str | None],
    # The store, website, project or app.
    'site_id': NotRequired[str | None],
    # The visit, call or conversation.
    'session_id': NotRequired[str | None],
    # The person, best by a pseudonym.
    'user_id': NotRequired[str | None],
    # Where the event comes from.
    'source': Literal['web', 'widget', 'voice_ws', 'server', 'voice', 'text', 'test'],
    # The surroundings of the event.
    'context': NotRequired[Context | None],
    # Read from the request, ignored on an event.
    'sent_at': NotRequired[Any],
    # Ignored: the server's clock decides.
    'received_at': NotRequired[Any],
})


# A tool call of an AI agent ended, well or badly.
AiToolCallCompletedAttributes = TypedDict("AiToolCallCompletedAttributes", {
    # The tool that was called.
    'gen_ai.tool.name': str,
    # The family of the tool, such as navigation or search.
    'ai.tool.category': NotRequired[str | None],
    # The conversation the call belongs to.
    'gen_ai.conversation.id': NotRequired[str | None],
    # Milliseconds the call took.
    'ai.tool.duration_ms': float,
    # Whether the call worked.
    'ai.tool.success': bool,
    # Whether the page moved before the call had answered.
    'ai.navigation.optimistic': NotRequired[bool | None],
    # Whether an optimistic move proved right.
    'ai.navigation.confirmed': NotRequired[bool | None],
})


# An AI agent began a tool call.
AiToolCallStartedAttributes = TypedDict("AiToolCallStartedAttributes", {
    # The tool that was called.
    'gen_ai.tool.name': str,
    # The family of the tool, such as navigation or search.
    'ai.tool.category': NotRequired[str | None],
    # The conversation the call belongs to.
    'gen_ai.conversation.id': NotRequired[str | None],
})


# A task that took several tool calls ended.
AiToolChainCompletedAttributes = TypedDict("AiToolChainCompletedAttributes", {
    # Tool calls in the chain.
    'ai.tool_chain.length': int,
    # Whether the chain reached its end.
    'ai.tool_chain.success': NotRequired[bool | None],
    # Milliseconds the chain took.
    'ai.tool_chain.duration_ms': NotRequired[float | None],
})


# Tokens and cost of a call to a model.
AiUsageAttributes = TypedDict("AiUsageAttributes", {
    # The model that was asked, by its provider's name.
    'gen_ai.request.model': str,
    # Tokens of the prompt.
    'gen_ai.usage.input_tokens': NotRequired[int | None],
    # Tokens of the answer.
    'gen_ai.usage.output_tokens': NotRequired[int | None],
    # Tokens of prompt and answer together.
    'gen_ai.usage.total_tokens': NotRequired[int | None],
    # What the model calls cost, in US dollars.
    'gen_ai.usage.cost_usd': NotRequired[float | None],
})


# A held slot was booked.
BookingConfirmedAttributes = TypedDict("BookingConfirmedAttributes", {
    # The slot; holding and confirming it carry the same id.
    'booking.slot_id': str,
    # What was booked.
    'booking.service': NotRequired[str | None],
    # What the booking is worth, in the site's currency.
    'booking.value': NotRequired[float | None],
})


# A time slot was held for a person.
BookingSlotHoldAttributes = TypedDict("BookingSlotHoldAttributes", {
    # The slot; holding and confirming it carry the same id.
    'booking.slot_id': str,
    # What was booked.
    'booking.service': NotRequired[str | None],
    # What the booking is worth, in the site's currency.
    'booking.value': NotRequired[float | None],
})


Attributes = TypedDict("Attributes", {
})


# A product or service was put into the cart.
CommerceAddToCartAttributes = TypedDict("CommerceAddToCartAttributes", {
    # The product or service.
    'commerce.product_id': NotRequired[str | None],
    # How many or how much of it.
    'commerce.quantity': NotRequired[float | None],
    # The price in `commerce.currency`.
    'commerce.price': NotRequired[float | None],
    # ISO 4217 code of the price, three capital letters such as EUR.
    'commerce.currency': NotRequired[str | None],
})


# A checkout was begun or an order placed.
CommerceCheckoutAttributes = TypedDict("CommerceCheckoutAttributes", {
    # The product or service.
    'commerce.product_id': NotRequired[str | None],
    # How many or how much of it.
    'commerce.quantity': NotRequired[float | None],
    # The price in `commerce.currency`.
    'commerce.price': NotRequired[float | None],
    # ISO 4217 code of the price, three capital letters such as EUR.
    'commerce.currency': NotRequired[str | None],
    # The order that was placed.
    'commerce.order_id': NotRequired[str | None],
})


# A product or service was looked at.
CommerceViewAttributes = TypedDict("CommerceViewAttributes", {
    # The product or service.
    'commerce.product_id': NotRequired[str | None],
    # How many or how much of it.
    'commerce.quantity': NotRequired[float | None],
    # The price in `commerce.currency`.
    'commerce.price': NotRequired[float | None],
    # ISO 4217 code of the price, three capital letters such as EUR.
    'commerce.currency': NotRequired[str | None],
})


# Money spent; the project is the event's site.
CostRecordedAttributes = TypedDict("CostRecordedAttributes", {
    # What it was spent on.
    'cost.type': Literal['time', 'ai', 'compute', 'other'],
    # How much, in US dollars.
    'cost.amount_usd': float,
})


Attributes2 = TypedDict("Attributes2", {
})


# A row of a dataset: values without names, of a data point. It has these attributes and no other.
DatapointWrittenAttributes = TypedDict("DatapointWrittenAttributes", {
    # The dataset, which SQL reads as a table.
    'dataset': str,
    # Index 1.
    'index1': NotRequired[str | None],
    # Index 2.
    'index2': NotRequired[str | None],
    # Blob 1.
    'blob1': NotRequired[str | None],
    # Blob 2.
    'blob2': NotRequired[str | None],
    # Blob 3.
    'blob3': NotRequired[str | None],
    # Blob 4.
    'blob4': NotRequired[str | None],
    # Blob 5.
    'blob5': NotRequired[str | None],
    # Blob 6.
    'blob6': NotRequired[str | None],
    # Blob 7.
    'blob7': NotRequired[str | None],
    # Blob 8.
    'blob8': NotRequired[str | None],
    # Blob 9.
    'blob9': NotRequired[str | None],
    # Blob 10.
    'blob10': NotRequired[str | None],
    # Blob 11.
    'blob11': NotRequired[str | None],
    # Blob 12.
    'blob12': NotRequired[str | None],
    # Blob 13.
    'blob13': NotRequired[str | None],
    # Blob 14.
    'blob14': NotRequired[str | None],
    # Blob 15.
    'blob15': NotRequired[str | None],
    # Blob 16.
    'blob16': NotRequired[str | None],
    # Blob 17.
    'blob17': NotRequired[str | None],
    # Blob 18.
    'blob18': NotRequired[str | None],
    # Blob 19.
    'blob19': NotRequired[str | None],
    # Blob 20.
    'blob20': NotRequired[str | None],
    # Double 1.
    'double1': NotRequired[float | None],
    # Double 2.
    'double2': NotRequired[float | None],
    # Double 3.
    'double3': NotRequired[float | None],
    # Double 4.
    'double4': NotRequired[float | None],
    # Double 5.
    'double5': NotRequired[float | None],
    # Double 6.
    'double6': NotRequired[float | None],
    # Double 7.
    'double7': NotRequired[float | None],
    # Double 8.
    'double8': NotRequired[float | None],
    # Double 9.
    'double9': NotRequired[float | None],
    # Double 10.
    'double10': NotRequired[float | None],
    # Double 11.
    'double11': NotRequired[float | None],
    # Double 12.
    'double12': NotRequired[float | None],
    # Double 13.
    'double13': NotRequired[float | None],
    # Double 14.
    'double14': NotRequired[float | None],
    # Double 15.
    'double15': NotRequired[float | None],
    # Double 16.
    'double16': NotRequired[float | None],
    # Double 17.
    'double17': NotRequired[float | None],
    # Double 18.
    'double18': NotRequired[float | None],
    # Double 19.
    'double19': NotRequired[float | None],
    # Double 20.
    'double20': NotRequired[float | None],
})


# Something failed. The payload is free-form, with one of the two names of the error's kind.
ErrorOccurredAttributes = TypedDict("ErrorOccurredAttributes", {
    # The kind of error, such as a class or a code.
    'error.type': NotRequired[str],
    # The same, under its older name.
    'error_type': NotRequired[str],
})


Attributes3 = TypedDict("Attributes3", {
})


# A request that a server answered.
HttpRequestAttributes = TypedDict("HttpRequestAttributes", {
    # The method, such as GET.
    'http.request.method': str,
    # The path, without host and query.
    'url.path': str,
    # The status of the answer.
    'http.response.status_code': int,
    # Milliseconds the answer took.
    'http.server.duration_ms': NotRequired[float | None],
    # Bytes of the answer's body.
    'http.response.size_bytes': NotRequired[int | None],
    # The User-Agent header.
    'user_agent.original': NotRequired[str | None],
})


# A document of the knowledge base was used or opened.
KbHitAttributes = TypedDict("KbHitAttributes", {
    # The text that was searched for.
    'kb.query': NotRequired[str | None],
    # The document.
    'kb.document_id': str,
    # Place of the document in the results.
    'kb.rank': NotRequired[int | None],
})


# A search in the knowledge base.
KbSearchAttributes = TypedDict("KbSearchAttributes", {
    # The text that was searched for.
    'kb.query': str,
    # Documents found.
    'kb.results_count': int,
    # Milliseconds the search took.
    'kb.search_latency_ms': float,
    # Relevance of the best document, 0 to 1.
    'kb.top_score': NotRequired[float | None],
    # The conversation the call belongs to.
    'gen_ai.conversation.id': NotRequired[str | None],
})


# A page was looked at. The payload is free-form.
PageViewAttributes = TypedDict("PageViewAttributes", {
    # The page, as path or address.
    'page': NotRequired[Any],
    # Where the visitor came from.
    'referrer': NotRequired[Any],
})


# An amount of a resource was used.
ResourceUsedAttributes = TypedDict("ResourceUsedAttributes", {
    # The kind of resource, such as cpu or storage.
    'resource.type': str,
    # How much of it.
    'resource.amount': float,
    # The unit of the amount, such as seconds or bytes.
    'resource.unit': NotRequired[str | None],
})


Attributes4 = TypedDict("Attributes4", {
})


Attributes5 = TypedDict("Attributes5", {
})


# The recogniser gave a partial transcript.
VoiceAsrPartialAttributes = TypedDict("VoiceAsrPartialAttributes", {
    # The voice session the turn belongs to.
    'voice.session_id': NotRequired[str | None],
    # Milliseconds from sound to transcript.
    'voice.asr_partial_latency_ms': float,
    # How sure the recogniser was, 0 to 1.
    'voice.asr_confidence': NotRequired[float | None],
    # Characters of the transcript.
    'voice.text_length': NotRequired[int | None],
})


# A person interrupted the assistant.
VoiceBargeInAttributes = TypedDict("VoiceBargeInAttributes", {
    # The voice session the turn belongs to.
    'voice.session_id': NotRequired[str | None],
    # The turn within the voice session.
    'voice.turn_id': NotRequired[str | None],
    # Milliseconds into the answer at which the person broke in.
    'voice.barge_in_ms': NotRequired[float | None],
})


# One verdict of one evaluator on one interaction; the judge writes it.
VoiceEvaluatedAttributes = TypedDict("VoiceEvaluatedAttributes", {
    # The query; its outcome and its scores carry the same id.
    'voice.query_id': str,
    # The rubric, such as helpfulness.
    'gen_ai.evaluation.name': str,
    # The score, on the rubric's scale.
    'gen_ai.evaluation.score.value': NotRequired[float | None],
    # The verdict in a word, such as answered or unscored.
    'gen_ai.evaluation.score.label': NotRequired[str | None],
    # Why the evaluator said so.
    'gen_ai.evaluation.explanation': NotRequired[str | None],
    # The model that was asked, by its provider's name.
    'gen_ai.request.model': NotRequired[str | None],
    # Version of the rubric's prompt.
    'gen_ai.evaluation.prompt_version': NotRequired[str | None],
    # Tokens of the prompt.
    'gen_ai.usage.input_tokens': NotRequired[int | None],
    # Tokens of the answer.
    'gen_ai.usage.output_tokens': NotRequired[int | None],
    # Tokens of prompt and answer together.
    'gen_ai.usage.total_tokens': NotRequired[int | None],
    # What the model calls cost, in US dollars.
    'gen_ai.usage.cost_usd': NotRequired[float | None],
    # Who judged: rules, gemini, openai or person.
    'gen_ai.evaluation.evaluator': NotRequired[str | None],
    # Why there is no score, such as out_of_scale.
    'gen_ai.evaluation.reason': NotRequired[str | None],
    # What in the transcript looks like an attempt to move the score.
    'gen_ai.evaluation.flags': NotRequired[list[str] | None],
    # Which attempt gave this verdict.
    'gen_ai.evaluation.attempt': NotRequired[int | None],
    # How long the judgement took.
    'gen_ai.evaluation.latency_ms': NotRequired[float | None],
})


# The assistant's first sound or text of a turn.
VoiceFirstResponseAttributes = TypedDict("VoiceFirstResponseAttributes", {
    # The voice session the turn belongs to.
    'voice.session_id': NotRequired[str | None],
    # The turn within the voice session.
    'voice.turn_id': NotRequired[str | None],
    # Milliseconds from the end of speech to the first of the answer.
    'voice.first_response_ms': float,
    # The model that was asked, by its provider's name.
    'gen_ai.request.model': NotRequired[str | None],
})


# What the assistant answered and did.
VoiceOutcomeAttributes = TypedDict("VoiceOutcomeAttributes", {
    # The query; its outcome and its scores carry the same id.
    'voice.query_id': str,
    # The answer; empty when there was none.
    'voice.answer_text': str,
    # Milliseconds from the question to the answer.
    'voice.latency_ms': float,
    # Whether the assistant acted.
    'voice.action_taken': NotRequired[Literal[0, 1, True, False] | None],
    # Whether the action worked.
    'voice.action_success': NotRequired[Literal[0, 1, True, False] | None],
    # Names of the tools that were called, in order.
    'voice.tools_used': NotRequired[list[str] | None],
    # What the model calls cost, in US dollars.
    'gen_ai.usage.cost_usd': NotRequired[float | None],
    # Tokens of prompt and answer together.
    'gen_ai.usage.total_tokens': NotRequired[int | None],
    # Whether answering failed.
    'error.flag': NotRequired[Literal[0, 1, True, False] | None],
    # What failed.
    'error.message': NotRequired[str | None],
})


# What a person asked the assistant.
VoiceQueryAttributes = TypedDict("VoiceQueryAttributes", {
    # The query; its outcome and its scores carry the same id.
    'voice.query_id': str,
    # The question, as transcribed or typed.
    'voice.query_text': str,
    # How the question came in.
    'voice.query_source': Literal['voice', 'text', 'test'],
    # Milliseconds of speech.
    'voice.audio_duration_ms': NotRequired[float | None],
    # How sure the recogniser was, 0 to 1.
    'voice.asr_confidence': NotRequired[float | None],
})


# A person began to speak, or the assistant began to listen.
VoiceTurnStartedAttributes = TypedDict("VoiceTurnStartedAttributes", {
    # The voice session the turn belongs to.
    'voice.session_id': str,
    # The turn within the voice session.
    'voice.turn_id': NotRequired[str | None],
})


class AiToolCallCompleted(Envelope):
    # A tool call of an AI agent ended, well or badly.
    event_name: Literal['ai.tool_call_completed']
    schema: NotRequired[Literal['auricle:auricle/ai.tool_call_completed/jsonschema/1-0-0']]
    attributes: AiToolCallCompletedAttributes


class AiToolCallStarted(Envelope):
    # An AI agent began a tool call.
    event_name: Literal['ai.tool_call_started']
    schema: NotRequired[Literal['auricle:auricle/ai.tool_call_started/jsonschema/1-0-0']]
    attributes: AiToolCallStartedAttributes


class AiToolChainCompleted(Envelope):
    # A task that took several tool calls ended.
    event_name: Literal['ai.tool_chain_completed']
    schema: NotRequired[Literal['auricle:auricle/ai.tool_chain_completed/jsonschema/1-0-0']]
    attributes: AiToolChainCompletedAttributes


class AiUsage(Envelope):
    # Tokens and cost of a call to a model.
    event_name: Literal['ai.usage']
    schema: NotRequired[Literal['auricle:auricle/ai.usage/jsonschema/1-0-0']]
    attributes: AiUsageAttributes


class BookingConfirmed(Envelope):
    # A held slot was booked.
    event_name: Literal['booking.confirmed']
    schema: NotRequired[Literal['auricle:auricle/booking.confirmed/jsonschema/1-0-0']]
    attributes: BookingConfirmedAttributes


class BookingSlotHold(Envelope):
    # A time slot was held for a person.
    event_name: Literal['booking.slot_hold']
    schema: NotRequired[Literal['auricle:auricle/booking.slot_hold/jsonschema/1-0-0']]
    attributes: BookingSlotHoldAttributes


class ButtonClick(Envelope):
    # A button was pressed. The payload is free-form.
    event_name: Literal['button_click']
    schema: NotRequired[Literal['auricle:auricle/button_click/jsonschema/1-0-0']]
    attributes: NotRequired[Attributes]


class CommerceAddToCart(Envelope):
    # A product or service was put into the cart.
    event_name: Literal['commerce.add_to_cart']
    schema: NotRequired[Literal['auricle:auricle/commerce.add_to_cart/jsonschema/1-0-0']]
    attributes: NotRequired[CommerceAddToCartAttributes]


class CommerceCheckout(Envelope):
    # A checkout was begun or an order placed.
    event_name: Literal['commerce.checkout']
    schema: NotRequired[Literal['auricle:auricle/commerce.checkout/jsonschema/1-0-0']]
    attributes: NotRequired[CommerceCheckoutAttributes]


class CommerceView(Envelope):
    # A product or service was looked at.
    event_name: Literal['commerce.view']
    schema: NotRequired[Literal['auricle:auricle/commerce.view/jsonschema/1-0-0']]
    attributes: NotRequired[CommerceViewAttributes]


class CostRecorded(Envelope):
    # Money spent; the project is the event's site.
    event_name: Literal['cost.recorded']
    schema: NotRequired[Literal['auricle:auricle/cost.recorded/jsonschema/1-0-0']]
    attributes: CostRecordedAttributes


class CourseComplete(Envelope):
    # A course was finished. The payload is free-form.
    event_name: Literal['course_complete']
    schema: NotRequired[Literal['auricle:auricle/course_complete/jsonschema/1-0-0']]
    attributes: NotRequired[Attributes2]


class DatapointWritten(Envelope):
    # A row of a dataset: values without names, of a data point. It has these attributes and no other.
    event_name: Literal['datapoint.written']
    schema: NotRequired[Literal['auricle:auricle/datapoint.written/jsonschema/1-0-0']]
    attributes: DatapointWrittenAttributes


class ErrorOccurred(Envelope):
    # Something failed. The payload is free-form, with one of the two names of the error's kind.
    event_name: Literal['error_occurred']
    schema: NotRequired[Literal['auricle:auricle/error_occurred/jsonschema/1-0-0']]
    attributes: NotRequired[ErrorOccurredAttributes]


class FormSubmit(Envelope):
    # A form was sent. The payload is free-form.
    event_name: Literal['form_submit']
    schema: NotRequired[Literal['auricle:auricle/form_submit/jsonschema/1-0-0']]
    attributes: NotRequired[Attributes3]


class HttpRequest(Envelope):
    # A request that a server answered.
    event_name: Literal['http.request']
    schema: NotRequired[Literal['auricle:auricle/http.request/jsonschema/1-0-0']]
    attributes: HttpRequestAttributes


class KbHit(Envelope):
    # A document of the knowledge base was used or opened.
    event_name: Literal['kb.hit']
    schema: NotRequired[Literal['auricle:auricle/kb.hit/jsonschema/1-0-0']]
    attributes: KbHitAttributes


class KbSearch(Envelope):
    # A search in the knowledge base.
    event_name: Literal['kb.search']
    schema: NotRequired[Literal['auricle:auricle/kb.search/jsonschema/1-0-0']]
    attributes: KbSearchAttributes


class PageView(Envelope):
    # A page was looked at. The payload is free-form.
    event_name: Literal['page_view']
    schema: NotRequired[Literal['auricle:auricle/page_view/jsonschema/1-0-0']]
    attributes: NotRequired[PageViewAttributes]


class ResourceUsed(Envelope):
    # An amount of a resource was used.
    event_name: Literal['resource.used']
    schema: NotRequired[Literal['auricle:auricle/resource.used/jsonschema/1-0-0']]
    attributes: ResourceUsedAttributes


class SearchQuery(Envelope):
    # Something was searched for. The payload is free-form.
    event_name: Literal['search_query']
    schema: NotRequired[Literal['auricle:auricle/search_query/jsonschema/1-0-0']]
    attributes: NotRequired[Attributes4]


class VideoPlay(Envelope):
    # A video was started. The payload is free-form.
    event_name: Literal['video_play']
    schema: NotRequired[Literal['auricle:auricle/video_play/jsonschema/1-0-0']]
    attributes: NotRequired[Attributes5]


class VoiceAsrPartial(Envelope):
    # The recogniser gave a partial transcript.
    event_name: Literal['voice.asr_partial']
    schema: NotRequired[Literal['auricle:auricle/voice.asr_partial/jsonschema/1-0-0']]
    attributes: VoiceAsrPartialAttributes


class VoiceBargeIn(Envelope):
    # A person interrupted the assistant.
    event_name: Literal['voice.barge_in']
    schema: NotRequired[Literal['auricle:auricle/voice.barge_in/jsonschema/1-0-0']]
    attributes: NotRequired[VoiceBargeInAttributes]


class VoiceEvaluated(Envelope):
    # One verdict of one evaluator on one interaction; the judge writes it.
    event_name: Literal['voice.evaluated']
    schema: NotRequired[Literal['auricle:auricle/voice.evaluated/jsonschema/1-0-0']]
    attributes: VoiceEvaluatedAttributes


class VoiceFirstResponse(Envelope):
    # The assistant's first sound or text of a turn.
    event_name: Literal['voice.first_response']
    schema: NotRequired[Literal['auricle:auricle/voice.first_response/jsonschema/1-0-0']]
    attributes: VoiceFirstResponseAttributes


class VoiceOutcome(Envelope):
    # What the assistant answered and did.
    event_name: Literal['voice.outcome']
    schema: NotRequired[Literal['auricle:auricle/voice.outcome/jsonschema/1-0-0']]
    attributes: VoiceOutcomeAttributes


class VoiceQuery(Envelope):
    # What a person asked the assistant.
    event_name: Literal['voice.query']
    schema: NotRequired[Literal['auricle:auricle/voice.query/jsonschema/1-0-0']]
    attributes: VoiceQueryAttributes


class VoiceTurnStarted(Envelope):
    # A person began to speak, or the assistant began to listen.
    event_name: Literal['voice.turn_started']
    schema: NotRequired[Literal['auricle:auricle/voice.turn_started/jsonschema/1-0-0']]
    attributes: VoiceTurnStartedAttributes


AnyEvent = AiToolCallCompleted | AiToolCallStarted | AiToolChainCompleted | AiUsage | BookingConfirmed | BookingSlotHold | ButtonClick | CommerceAddToCart | CommerceCheckout | CommerceView | CostRecorded | CourseComplete | DatapointWritten | ErrorOccurred | FormSubmit | HttpRequest | KbHit | KbSearch | PageView | ResourceUsed | SearchQuery | VideoPlay | VoiceAsrPartial | VoiceBargeIn | VoiceEvaluated | VoiceFirstResponse | VoiceOutcome | VoiceQuery | VoiceTurnStarted


class Calls:
    """A call for each event: types say what its attributes are, and the rest is what `track` takes."""

    def __init__(self, track: Callable[..., str | None]) -> None:
        self._track = track

    def ai_tool_call_completed(self, attributes: AiToolCallCompletedAttributes, **more: Any) -> str | None:
        return self._track('ai.tool_call_completed', attributes, **more)

    def ai_tool_call_started(self, attributes: AiToolCallStartedAttributes, **more: Any) -> str | None:
        return self._track('ai.tool_call_started', attributes, **more)

    def ai_tool_chain_completed(self, attributes: AiToolChainCompletedAttributes, **more: Any) -> str | None:
        return self._track('ai.tool_chain_completed', attributes, **more)

    def ai_usage(self, attributes: AiUsageAttributes, **more: Any) -> str | None:
        return self._track('ai.usage', attributes, **more)

    def booking_confirmed(self, attributes: BookingConfirmedAttributes, **more: Any) -> str | None:
        return self._track('booking.confirmed', attributes, **more)

    def booking_slot_hold(self, attributes: BookingSlotHoldAttributes, **more: Any) -> str | None:
        return self._track('booking.slot_hold', attributes, **more)

    def button_click(self, attributes: Mapping[str, Any] | None = None, **more: Any) -> str | None:
        return self._track('button_click', attributes, **more)

    def commerce_add_to_cart(self, attributes: CommerceAddToCartAttributes | None = None, **more: Any) -> str | None:
        return self._track('commerce.add_to_cart', attributes, **more)

    def commerce_checkout(self, attributes: CommerceCheckoutAttributes | None = None, **more: Any) -> str | None:
        return self._track('commerce.checkout', attributes, **more)

    def commerce_view(self, attributes: CommerceViewAttributes | None = None, **more: Any) -> str | None:
        return self._track('commerce.view', attributes, **more)

    def cost_recorded(self, attributes: CostRecordedAttributes, **more: Any) -> str | None:
        return self._track('cost.recorded', attributes, **more)

    def course_complete(self, attributes: Mapping[str, Any] | None = None, **more: Any) -> str | None:
        return self._track('course_complete', attributes, **more)

    def datapoint_written(self, attributes: DatapointWrittenAttributes, **more: Any) -> str | None:
        return self._track('datapoint.written', attributes, **more)

    def error_occurred(self, attributes: ErrorOccurredAttributes | None = None, **more: Any) -> str | None:
        return self._track('error_occurred', attributes, **more)

    def form_submit(self, attributes: Mapping[str, Any] | None = None, **more: Any) -> str | None:
        return self._track('form_submit', attributes, **more)

    def http_request(self, attributes: HttpRequestAttributes, **more: Any) -> str | None:
        return self._track('http.request', attributes, **more)

    def kb_hit(self, attributes: KbHitAttributes, **more: Any) -> str | None:
        return self._track('kb.hit', attributes, **more)

    def kb_search(self, attributes: KbSearchAttributes, **more: Any) -> str | None:
        return self._track('kb.search', attributes, **more)

    def page_view(self, attributes: PageViewAttributes | None = None, **more: Any) -> str | None:
        return self._track('page_view', attributes, **more)

    def resource_used(self, attributes: ResourceUsedAttributes, **more: Any) -> str | None:
        return self._track('resource.used', attributes, **more)

    def search_query(self, attributes: Mapping[str, Any] | None = None, **more: Any) -> str | None:
        return self._track('search_query', attributes, **more)

    def video_play(self, attributes: Mapping[str, Any] | None = None, **more: Any) -> str | None:
        return self._track('video_play', attributes, **more)

    def voice_asr_partial(self, attributes: VoiceAsrPartialAttributes, **more: Any) -> str | None:
        return self._track('voice.asr_partial', attributes, **more)

    def voice_barge_in(self, attributes: VoiceBargeInAttributes | None = None, **more: Any) -> str | None:
        return self._track('voice.barge_in', attributes, **more)

    def voice_evaluated(self, attributes: VoiceEvaluatedAttributes, **more: Any) -> str | None:
        return self._track('voice.evaluated', attributes, **more)

    def voice_first_response(self, attributes: VoiceFirstResponseAttributes, **more: Any) -> str | None:
        return self._track('voice.first_response', attributes, **more)

    def voice_outcome(self, attributes: VoiceOutcomeAttributes, **more: Any) -> str | None:
        return self._track('voice.outcome', attributes, **more)

    def voice_query(self, attributes: VoiceQueryAttributes, **more: Any) -> str | None:
        return self._track('voice.query', attributes, **more)

    def voice_turn_started(self, attributes: VoiceTurnStartedAttributes, **more: Any) -> str | None:
        return self._track('voice.turn_started', attributes, **more)
