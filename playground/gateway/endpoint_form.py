"""The form of an endpoint."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from unfold.widgets import UnfoldAdminPasswordToggleWidget, UnfoldBooleanSwitchWidget

from playground.gateway.models import EndpointKind


class EndpointForm(forms.ModelForm):
    """An endpoint; its secret goes in and never comes out."""

    secret = forms.CharField(
        required=False,
        label="Secret",
        max_length=4000,
        widget=UnfoldAdminPasswordToggleWidget(attrs={"autocomplete": "new-password"}),
        help_text="The key it is called with. Empty keeps the present one.",
    )
    clear_secret = forms.BooleanField(
        required=False,
        label="Forget the present secret",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kind" in self.fields:
            # The one of this process is there from the start.
            choices = [each for each in EndpointKind.choices if each[0] != EndpointKind.OFFLINE]
            self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        if "secret" in self.fields and self.instance.sealed_secret:
            self.fields["secret"].help_text = "One is kept. Empty keeps it."

    def clean_base_url(self) -> str:
        text: str = self.cleaned_data["base_url"].strip()
        try:
            url = urlsplit(text)
            host, _ = url.hostname, url.port
        except ValueError as error:
            raise forms.ValidationError("This is not a URL.") from error
        if not text:
            raise forms.ValidationError("Say where it is, such as https://api.example.com/v1.")
        if url.scheme not in ("http", "https") or not host:
            raise forms.ValidationError("Begin with http:// or https:// and a host name.")
        if url.username is not None or url.password is not None:
            raise forms.ValidationError("Keep credentials out of the URL; enter them as secret.")
        if url.query or url.fragment or any(each.isspace() for each in text):
            raise forms.ValidationError("Leave out spaces and what follows a ? or #.")
        return text

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if any(not each.isascii() or not each.isprintable() or each == " " for each in secret):
            raise forms.ValidationError("It holds a character that no header can carry.")
        return secret

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("secret") and values.get("clear_secret"):
            self.add_error("clear_secret", "Either forget the secret or enter a new one.")
        return values

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data.get("clear_secret"):
            self.instance.secret = ""
        elif self.cleaned_data.get("secret"):
            self.instance.secret = self.cleaned_data["secret"]
        return super().save(commit)
