// Events of Auricle, typed. Made by `auricle schema types`: make it again instead of changing it.

/** The page. */
export interface ContextPage {
  /** Its address. */
  "url"?: string | null;
  /** Where the visitor came from. */
  "referrer"?: string | null;
  /** Its title. */
  "title"?: string | null;
  [name: string]: unknown;
}

/** The visible part of the page. */
export interface ContextDeviceViewport {
  /** Pixels across. */
  "width"?: number | null;
  /** Pixels down. */
  "height"?: number | null;
  [name: string]: unknown;
}

/** The device. */
export interface ContextDevice {
  /** Its User-Agent. */
  "user_agent"?: string | null;
  /** The visible part of the page. */
  "viewport"?: ContextDeviceViewport | null;
  [name: string]: unknown;
}

/** What the person agreed to. */
export interface ContextConsent {
  /** Counting; false drops the event. */
  "analytics"?: boolean | null;
  /** Advertising. */
  "ads"?: boolean | null;
  [name: string]: unknown;
}

/** The surroundings of the event. */
export interface Context {
  /** The page. */
  "page"?: ContextPage | null;
  /** The device. */
  "device"?: ContextDevice | null;
  /** Language and region, such as en-GB. */
  "locale"?: string | null;
  /** What the person agreed to. */
  "consent"?: ContextConsent | null;
  [name: string]: unknown;
}

/** What every event carries, whatever its name. An optional member that is null counts as absent. */
export interface Envelope {
  /** The event's own UUID; a retry repeats it, so that the event is counted once. */
  "event_id": string;
  /** When it happened. */
  "occurred_at": string;
  /** The tenant, a UUID or a slug; the credential decides, so it may be left out. */
  "tenant_id"?: string | null;
  /** The store, website, project or app. */
  "site_id"?: string | null;
  /** The visit, call or conversation. */
  "session_id"?: string | null;
  /** The person, best by a pseudonym. */
  "user_id"?: string | null;
  /** Where the event comes from. */
  "source": "web" | "widget" | "voice_ws" | "server" | "voice" | "text" | "test";
  /** The surroundings of the event. */
  "context"?: Context | null;
  /** Read from the request, ignored on an event. */
  "sent_at"?: unknown;
  /** Ignored: the server's clock decides. */
  "received_at"?: unknown;
}

/** A tool call of an AI agent ended, well or badly. */
export interface AiToolCallCompletedAttributes {
  /** The tool that was called. */
  "gen_ai.tool.name": string;
  /** The family of the tool, such as navigation or search. */
  "ai.tool.category"?: string | null;
  /** The conversation the call belongs to. */
  "gen_ai.conversation.id"?: string | null;
  /** Milliseconds the call took. */
  "ai.tool.duration_ms": number;
  /** Whether the call worked. */
  "ai.tool.success": boolean;
  /** Whether the page moved before the call had answered. */
  "ai.navigation.optimistic"?: boolean | null;
  /** Whether an optimistic move proved right. */
  "ai.navigation.confirmed"?: boolean | null;
  [name: string]: unknown;
}

/** An AI agent began a tool call. */
export interface AiToolCallStartedAttributes {
  /** The tool that was called. */
  "gen_ai.tool.name": string;
  /** The family of the tool, such as navigation or search. */
  "ai.tool.category"?: string | null;
  /** The conversation the call belongs to. */
  "gen_ai.conversation.id"?: string | null;
  [name: string]: unknown;
}

/** A task that took several tool calls ended. */
export interface AiToolChainCompletedAttributes {
  /** Tool calls in the chain. */
  "ai.tool_chain.length": number;
  /** Whether the chain reached its end. */
  "ai.tool_chain.success"?: boolean | null;
  /** Milliseconds the chain took. */
  "ai.tool_chain.duration_ms"?: number | null;
  [name: string]: unknown;
}

/** Tokens and cost of a call to a model. */
export interface AiUsageAttributes {
  /** The model that was asked, by its provider's name. */
  "gen_ai.request.model": string;
  /** Tokens of the prompt. */
  "gen_ai.usage.input_tokens"?: number | null;
  /** Tokens of the answer. */
  "gen_ai.usage.output_tokens"?: number | null;
  /** Tokens of prompt and answer together. */
  "gen_ai.usage.total_tokens"?: number | null;
  /** What the model calls cost, in US dollars. */
  "gen_ai.usage.cost_usd"?: number | null;
  [name: string]: unknown;
}

/** A held slot was booked. */
export interface BookingConfirmedAttributes {
  /** The slot; holding and confirming it carry the same id. */
  "booking.slot_id": string;
  /** What was booked. */
  "booking.service"?: string | null;
  /** What the booking is worth, in the site's currency. */
  "booking.value"?: number | null;
  [name: string]: unknown;
}

/** A time slot was held for a person. */
export interface BookingSlotHoldAttributes {
  /** The slot; holding and confirming it carry the same id. */
  "booking.slot_id": string;
  /** What was booked. */
  "booking.service"?: string | null;
  /** What the booking is worth, in the site's currency. */
  "booking.value"?: number | null;
  [name: string]: unknown;
}

export interface Attributes {
  [name: string]: unknown;
}

/** A product or service was put into the cart. */
export interface CommerceAddToCartAttributes {
  /** The product or service. */
  "commerce.product_id"?: string | null;
  /** How many or how much of it. */
  "commerce.quantity"?: number | null;
  /** The price in `commerce.currency`. */
  "commerce.price"?: number | null;
  /** ISO 4217 code of the price, three capital letters such as EUR. */
  "commerce.currency"?: string | null;
  [name: string]: unknown;
}

/** A checkout was begun or an order placed. */
export interface CommerceCheckoutAttributes {
  /** The product or service. */
  "commerce.product_id"?: string | null;
  /** How many or how much of it. */
  "commerce.quantity"?: number | null;
  /** The price in `commerce.currency`. */
  "commerce.price"?: number | null;
  /** ISO 4217 code of the price, three capital letters such as EUR. */
  "commerce.currency"?: string | null;
  /** The order that was placed. */
  "commerce.order_id"?: string | null;
  [name: string]: unknown;
}

/** A product or service was looked at. */
export interface CommerceViewAttributes {
  /** The product or service. */
  "commerce.product_id"?: string | null;
  /** How many or how much of it. */
  "commerce.quantity"?: number | null;
  /** The price in `commerce.currency`. */
  "commerce.price"?: number | null;
  /** ISO 4217 code of the price, three capital letters such as EUR. */
  "commerce.currency"?: string | null;
  [name: string]: unknown;
}

/** Money spent; the project is the event's site. */
export interface CostRecordedAttributes {
  /** What it was spent on. */
  "cost.type": "time" | "ai" | "compute" | "other";
  /** How much, in US dollars. */
  "cost.amount_usd": number;
  [name: string]: unknown;
}

export interface Attributes2 {
  [name: string]: unknown;
}

/** A row of a dataset: values without names, of a data point. It has these attributes and no other. */
export interface DatapointWrittenAttributes {
  /** The dataset, which SQL reads as a table. */
  "dataset": string;
  /** Index 1. */
  "index1"?: string | null;
  /** Index 2. */
  "index2"?: string | null;
  /** Blob 1. */
  "blob1"?: string | null;
  /** Blob 2. */
  "blob2"?: string | null;
  /** Blob 3. */
  "blob3"?: string | null;
  /** Blob 4. */
  "blob4"?: string | null;
  /** Blob 5. */
  "blob5"?: string | null;
  /** Blob 6. */
  "blob6"?: string | null;
  /** Blob 7. */
  "blob7"?: string | null;
  /** Blob 8. */
  "blob8"?: string | null;
  /** Blob 9. */
  "blob9"?: string | null;
  /** Blob 10. */
  "blob10"?: string | null;
  /** Blob 11. */
  "blob11"?: string | null;
  /** Blob 12. */
  "blob12"?: string | null;
  /** Blob 13. */
  "blob13"?: string | null;
  /** Blob 14. */
  "blob14"?: string | null;
  /** Blob 15. */
  "blob15"?: string | null;
  /** Blob 16. */
  "blob16"?: string | null;
  /** Blob 17. */
  "blob17"?: string | null;
  /** Blob 18. */
  "blob18"?: string | null;
  /** Blob 19. */
  "blob19"?: string | null;
  /** Blob 20. */
  "blob20"?: string | null;
  /** Double 1. */
  "double1"?: number | null;
  /** Double 2. */
  "double2"?: number | null;
  /** Double 3. */
  "double3"?: number | null;
  /** Double 4. */
  "double4"?: number | null;
  /** Double 5. */
  "double5"?: number | null;
  /** Double 6. */
  "double6"?: number | null;
  /** Double 7. */
  "double7"?: number | null;
  /** Double 8. */
  "double8"?: number | null;
  /** Double 9. */
  "double9"?: number | null;
  /** Double 10. */
  "double10"?: number | null;
  /** Double 11. */
  "double11"?: number | null;
  /** Double 12. */
  "double12"?: number | null;
  /** Double 13. */
  "double13"?: number | null;
  /** Double 14. */
  "double14"?: number | null;
  /** Double 15. */
  "double15"?: number | null;
  /** Double 16. */
  "double16"?: number | null;
  /** Double 17. */
  "double17"?: number | null;
  /** Double 18. */
  "double18"?: number | null;
  /** Double 19. */
  "double19"?: number | null;
  /** Double 20. */
  "double20"?: number | null;
}

/** Something failed. The payload is free-form, with one of the two names of the error's kind. */
export interface ErrorOccurredAttributes {
  /** The kind of error, such as a class or a code. */
  "error.type"?: string;
  /** The same, under its older name. */
  "error_type"?: string;
  [name: string]: unknown;
}

export interface Attributes3 {
  [name: string]: unknown;
}

/** A request that a server answered. */
export interface HttpRequestAttributes {
  /** The method, such as GET. */
  "http.request.method": string;
  /** The path, without host and query. */
  "url.path": string;
  /** The status of the answer. */
  "http.response.status_code": number;
  /** Milliseconds the answer took. */
  "http.server.duration_ms"?: number | null;
  /** Bytes of the answer's body. */
  "http.response.size_bytes"?: number | null;
  /** The User-Agent header. */
  "user_agent.original"?: string | null;
  [name: string]: unknown;
}

/** A document of the knowledge base was used or opened. */
export interface KbHitAttributes {
  /** The text that was searched for. */
  "kb.query"?: string | null;
  /** The document. */
  "kb.document_id": string;
  /** Place of the document in the results. */
  "kb.rank"?: number | null;
  [name: string]: unknown;
}

/** A search in the knowledge base. */
export interface KbSearchAttributes {
  /** The text that was searched for. */
  "kb.query": string;
  /** Documents found. */
  "kb.results_count": number;
  /** Milliseconds the search took. */
  "kb.search_latency_ms": number;
  /** Relevance of the best document, 0 to 1. */
  "kb.top_score"?: number | null;
  /** The conversation the call belongs to. */
  "gen_ai.conversation.id"?: string | null;
  [name: string]: unknown;
}

/** A page was looked at. The payload is free-form. */
export interface PageViewAttributes {
  /** The page, as path or address. */
  "page"?: unknown;
  /** Where the visitor came from. */
  "referrer"?: unknown;
  [name: string]: unknown;
}

/** An amount of a resource was used. */
export interface ResourceUsedAttributes {
  /** The kind of resource, such as cpu or storage. */
  "resource.type": string;
  /** How much of it. */
  "resource.amount": number;
  /** The unit of the amount, such as seconds or bytes. */
  "resource.unit"?: string | null;
  [name: string]: unknown;
}

export interface Attributes4 {
  [name: string]: unknown;
}

export interface Attributes5 {
  [name: string]: unknown;
}

/** The recogniser gave a partial transcript. */
export interface VoiceAsrPartialAttributes {
  /** The voice session the turn belongs to. */
  "voice.session_id"?: string | null;
  /** Milliseconds from sound to transcript. */
  "voice.asr_partial_latency_ms": number;
  /** How sure the recogniser was, 0 to 1. */
  "voice.asr_confidence"?: number | null;
  /** Characters of the transcript. */
  "voice.text_length"?: number | null;
  [name: string]: unknown;
}

/** A person interrupted the assistant. */
export interface VoiceBargeInAttributes {
  /** The voice session the turn belongs to. */
  "voice.session_id"?: string | null;
  /** The turn within the voice session. */
  "voice.turn_id"?: string | null;
  /** Milliseconds into the answer at which the person broke in. */
  "voice.barge_in_ms"?: number | null;
  [name: string]: unknown;
}

/** One verdict of one evaluator on one interaction; the judge writes it. */
export interface VoiceEvaluatedAttributes {
  /** The query; its outcome and its scores carry the same id. */
  "voice.query_id": string;
  /** The rubric, such as helpfulness. */
  "gen_ai.evaluation.name": string;
  /** The score, on the rubric's scale. */
  "gen_ai.evaluation.score.value"?: number | null;
  /** The verdict in a word, such as answered or unscored. */
  "gen_ai.evaluation.score.label"?: string | null;
  /** Why the evaluator said so. */
  "gen_ai.evaluation.explanation"?: string | null;
  /** The model that was asked, by its provider's name. */
  "gen_ai.request.model"?: string | null;
  /** Version of the rubric's prompt. */
  "gen_ai.evaluation.prompt_version"?: string | null;
  /** Tokens of the prompt. */
  "gen_ai.usage.input_tokens"?: number | null;
  /** Tokens of the answer. */
  "gen_ai.usage.output_tokens"?: number | null;
  /** Tokens of prompt and answer together. */
  "gen_ai.usage.total_tokens"?: number | null;
  /** What the model calls cost, in US dollars. */
  "gen_ai.usage.cost_usd"?: number | null;
  /** Who judged: rules, gemini, openai or person. */
  "gen_ai.evaluation.evaluator"?: string | null;
  /** Why there is no score, such as out_of_scale. */
  "gen_ai.evaluation.reason"?: string | null;
  /** What in the transcript looks like an attempt to move the score. */
  "gen_ai.evaluation.flags"?: Array<string> | null;
  /** Which attempt gave this verdict. */
  "gen_ai.evaluation.attempt"?: number | null;
  /** How long the judgement took. */
  "gen_ai.evaluation.latency_ms"?: number | null;
  [name: string]: unknown;
}

/** The assistant's first sound or text of a turn. */
export interface VoiceFirstResponseAttributes {
  /** The voice session the turn belongs to. */
  "voice.session_id"?: string | null;
  /** The turn within the voice session. */
  "voice.turn_id"?: string | null;
  /** Milliseconds from the end of speech to the first of the answer. */
  "voice.first_response_ms": number;
  /** The model that was asked, by its provider's name. */
  "gen_ai.request.model"?: string | null;
  [name: string]: unknown;
}

/** What the assistant answered and did. */
export interface VoiceOutcomeAttributes {
  /** The query; its outcome and its scores carry the same id. */
  "voice.query_id": string;
  /** The answer; empty when there was none. */
  "voice.answer_text": string;
  /** Milliseconds from the question to the answer. */
  "voice.latency_ms": number;
  /** Whether the assistant acted. */
  "voice.action_taken"?: 0 | 1 | true | false | null;
  /** Whether the action worked. */
  "voice.action_success"?: 0 | 1 | true | false | null;
  /** Names of the tools that were called, in order. */
  "voice.tools_used"?: Array<string> | null;
  /** What the model calls cost, in US dollars. */
  "gen_ai.usage.cost_usd"?: number | null;
  /** Tokens of prompt and answer together. */
  "gen_ai.usage.total_tokens"?: number | null;
  /** Whether answering failed. */
  "error.flag"?: 0 | 1 | true | false | null;
  /** What failed. */
  "error.message"?: string | null;
  [name: string]: unknown;
}

/** What a person asked the assistant. */
export interface VoiceQueryAttributes {
  /** The query; its outcome and its scores carry the same id. */
  "voice.query_id": string;
  /** The question, as transcribed or typed. */
  "voice.query_text": string;
  /** How the question came in. */
  "voice.query_source": "voice" | "text" | "test";
  /** Milliseconds of speech. */
  "voice.audio_duration_ms"?: number | null;
  /** How sure the recogniser was, 0 to 1. */
  "voice.asr_confidence"?: number | null;
  [name: string]: unknown;
}

/** A person began to speak, or the assistant began to listen. */
export interface VoiceTurnStartedAttributes {
  /** The voice session the turn belongs to. */
  "voice.session_id": string;
  /** The turn within the voice session. */
  "voice.turn_id"?: string | null;
  [name: string]: unknown;
}

/** A tool call of an AI agent ended, well or badly. */
export interface AiToolCallCompleted extends Envelope {
  event_name: "ai.tool_call_completed";
  schema?: "auricle:auricle/ai.tool_call_completed/jsonschema/1-0-0";
  attributes: AiToolCallCompletedAttributes;
}

/** An AI agent began a tool call. */
export interface AiToolCallStarted extends Envelope {
  event_name: "ai.tool_call_started";
  schema?: "auricle:auricle/ai.tool_call_started/jsonschema/1-0-0";
  attributes: AiToolCallStartedAttributes;
}

/** A task that took several tool calls ended. */
export interface AiToolChainCompleted extends Envelope {
  event_name: "ai.tool_chain_completed";
  schema?: "auricle:auricle/ai.tool_chain_completed/jsonschema/1-0-0";
  attributes: AiToolChainCompletedAttributes;
}

/** Tokens and cost of a call to a model. */
export interface AiUsage extends Envelope {
  event_name: "ai.usage";
  schema?: "auricle:auricle/ai.usage/jsonschema/1-0-0";
  attributes: AiUsageAttributes;
}

/** A held slot was booked. */
export interface BookingConfirmed extends Envelope {
  event_name: "booking.confirmed";
  schema?: "auricle:auricle/booking.confirmed/jsonschema/1-0-0";
  attributes: BookingConfirmedAttributes;
}

/** A time slot was held for a person. */
export interface BookingSlotHold extends Envelope {
  event_name: "booking.slot_hold";
  schema?: "auricle:auricle/booking.slot_hold/jsonschema/1-0-0";
  attributes: BookingSlotHoldAttributes;
}

/** A button was pressed. The payload is free-form. */
export interface ButtonClick extends Envelope {
  event_name: "button_click";
  schema?: "auricle:auricle/button_click/jsonschema/1-0-0";
  attributes?: Attributes;
}

/** A product or service was put into the cart. */
export interface CommerceAddToCart extends Envelope {
  event_name: "commerce.add_to_cart";
  schema?: "auricle:auricle/commerce.add_to_cart/jsonschema/1-0-0";
  attributes?: CommerceAddToCartAttributes;
}

/** A checkout was begun or an order placed. */
export interface CommerceCheckout extends Envelope {
  event_name: "commerce.checkout";
  schema?: "auricle:auricle/commerce.checkout/jsonschema/1-0-0";
  attributes?: CommerceCheckoutAttributes;
}

/** A product or service was looked at. */
export interface CommerceView extends Envelope {
  event_name: "commerce.view";
  schema?: "auricle:auricle/commerce.view/jsonschema/1-0-0";
  attributes?: CommerceViewAttributes;
}

/** Money spent; the project is the event's site. */
export interface CostRecorded extends Envelope {
  event_name: "cost.recorded";
  schema?: "auricle:auricle/cost.recorded/jsonschema/1-0-0";
  attributes: CostRecordedAttributes;
}

/** A course was finished. The payload is free-form. */
export interface CourseComplete extends Envelope {
  event_name: "course_complete";
  schema?: "auricle:auricle/course_complete/jsonschema/1-0-0";
  attributes?: Attributes2;
}

/** A row of a dataset: values without names, of a data point. It has these attributes and no other. */
export interface DatapointWritten extends Envelope {
  event_name: "datapoint.written";
  schema?: "auricle:auricle/datapoint.written/jsonschema/1-0-0";
  attributes: DatapointWrittenAttributes;
}

/** Something failed. The payload is free-form, with one of the two names of the error's kind. */
export interface ErrorOccurred extends Envelope {
  event_name: "error_occurred";
  schema?: "auricle:auricle/error_occurred/jsonschema/1-0-0";
  attributes?: ErrorOccurredAttributes;
}

/** A form was sent. The payload is free-form. */
export interface FormSubmit extends Envelope {
  event_name: "form_submit";
  schema?: "auricle:auricle/form_submit/jsonschema/1-0-0";
  attributes?: Attributes3;
}

/** A request that a server answered. */
export interface HttpRequest extends Envelope {
  event_name: "http.request";
  schema?: "auricle:auricle/http.request/jsonschema/1-0-0";
  attributes: HttpRequestAttributes;
}

/** A document of the knowledge base was used or opened. */
export interface KbHit extends Envelope {
  event_name: "kb.hit";
  schema?: "auricle:auricle/kb.hit/jsonschema/1-0-0";
  attributes: KbHitAttributes;
}

/** A search in the knowledge base. */
export interface KbSearch extends Envelope {
  event_name: "kb.search";
  schema?: "auricle:auricle/kb.search/jsonschema/1-0-0";
  attributes: KbSearchAttributes;
}

/** A page was looked at. The payload is free-form. */
export interface PageView extends Envelope {
  event_name: "page_view";
  schema?: "auricle:auricle/page_view/jsonschema/1-0-0";
  attributes?: PageViewAttributes;
}

/** An amount of a resource was used. */
export interface ResourceUsed extends Envelope {
  event_name: "resource.used";
  schema?: "auricle:auricle/resource.used/jsonschema/1-0-0";
  attributes: ResourceUsedAttributes;
}

/** Something was searched for. The payload is free-form. */
export interface SearchQuery extends Envelope {
  event_name: "search_query";
  schema?: "auricle:auricle/search_query/jsonschema/1-0-0";
  attributes?: Attributes4;
}

/** A video was started. The payload is free-form. */
export interface VideoPlay extends Envelope {
  event_name: "video_play";
  schema?: "auricle:auricle/video_play/jsonschema/1-0-0";
  attributes?: Attributes5;
}

/** The recogniser gave a partial transcript. */
export interface VoiceAsrPartial extends Envelope {
  event_name: "voice.asr_partial";
  schema?: "auricle:auricle/voice.asr_partial/jsonschema/1-0-0";
  attributes: VoiceAsrPartialAttributes;
}

/** A person interrupted the assistant. */
export interface VoiceBargeIn extends Envelope {
  event_name: "voice.barge_in";
  schema?: "auricle:auricle/voice.barge_in/jsonschema/1-0-0";
  attributes?: VoiceBargeInAttributes;
}

/** One verdict of one evaluator on one interaction; the judge writes it. */
export interface VoiceEvaluated extends Envelope {
  event_name: "voice.evaluated";
  schema?: "auricle:auricle/voice.evaluated/jsonschema/1-0-0";
  attributes: VoiceEvaluatedAttributes;
}

/** The assistant's first sound or text of a turn. */
export interface VoiceFirstResponse extends Envelope {
  event_name: "voice.first_response";
  schema?: "auricle:auricle/voice.first_response/jsonschema/1-0-0";
  attributes: VoiceFirstResponseAttributes;
}

/** What the assistant answered and did. */
export interface VoiceOutcome extends Envelope {
  event_name: "voice.outcome";
  schema?: "auricle:auricle/voice.outcome/jsonschema/1-0-0";
  attributes: VoiceOutcomeAttributes;
}

/** What a person asked the assistant. */
export interface VoiceQuery extends Envelope {
  event_name: "voice.query";
  schema?: "auricle:auricle/voice.query/jsonschema/1-0-0";
  attributes: VoiceQueryAttributes;
}

/** A person began to speak, or the assistant began to listen. */
export interface VoiceTurnStarted extends Envelope {
  event_name: "voice.turn_started";
  schema?: "auricle:auricle/voice.turn_started/jsonschema/1-0-0";
  attributes: VoiceTurnStartedAttributes;
}

export type AnyEvent = AiToolCallCompleted | AiToolCallStarted | AiToolChainCompleted | AiUsage | BookingConfirmed | BookingSlotHold | ButtonClick | CommerceAddToCart | CommerceCheckout | CommerceView | CostRecorded | CourseComplete | DatapointWritten | ErrorOccurred | FormSubmit | HttpRequest | KbHit | KbSearch | PageView | ResourceUsed | SearchQuery | VideoPlay | VoiceAsrPartial | VoiceBargeIn | VoiceEvaluated | VoiceFirstResponse | VoiceOutcome | VoiceQuery | VoiceTurnStarted;
