// The link is redeemed by a POST, so that programs which only fetch addresses do not use it up.
document.getElementById("login").requestSubmit();
