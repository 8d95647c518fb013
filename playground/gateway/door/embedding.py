"""``POST /v1/embeddings``: by the model in this process, or by an endpoint."""

from playground.gateway.chat import ChatRequest
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.door.measuring import traced

MAX_TEXTS = 256
MAX_CHARS = 32_000


async def embed(asking: Asking, answer: Answer) -> None:
    """Answer with one vector a text.

    ``input_type`` may be ``query`` or ``passage``, the usual one; the model here embeds them
    differently.
    """
    texts = _texts(asking)
    form = asking.text("encoding_format", required=False) or "float"
    if form not in ("float", "base64"):
        raise wrong("encoding_format", "must be float or base64")
    asking.text("input_type", required=False)
    asking.number("dimensions", low=1, high=100_000, whole=True)
    request = ChatRequest(
        model=asking.text("model"),
        messages=[{"role": "user", "content": text} for text in texts],
        # Vectors are no tokens: what is reserved is the input.
        max_tokens=0,
    )
    async with traced(
        asking, answer, request, asking.body, streamed=False, operation="embeddings"
    ) as events:
        async for event in events:
            whole = event
    await answer.whole(whole.encoded(), "application/json")


def _texts(asking: Asking) -> list[str]:
    given = asking.body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise wrong("input", "must be text or a list of texts; tokens are not taken here")
    if len(texts) > MAX_TEXTS:
        raise wrong("input", f"holds more than {MAX_TEXTS} texts")
    if any(not text or len(text) > MAX_CHARS for text in texts):
        raise wrong("input", f"holds an empty text, or one of more than {MAX_CHARS} characters")
    return texts
