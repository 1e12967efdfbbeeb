"""Admin pages for members of a tenant (for its admins) and users (for superusers)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import password_validation
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from crm.access import access_of
from crm.admin.base import BoundedAdmin, TenantForm, TenantModelAdmin
from crm.models import Membership

admin.site.unregister([User, Group])


class NewMemberForm(TenantForm):
    """Form for a new member: creates a user who can sign in, with a role.

    The account of a former member, whom nothing else lets in, becomes the new member's, with the new password.
    """

    #: What is kept of a member who was removed. A superuser who wants to keep somebody out deactivates the account.
    FORMER = Q(membership=None, is_staff=True, is_active=True, is_superuser=False)

    former: User | None = None
    username = User._meta.get_field("username").formfield(widget=UnfoldAdminTextInputWidget)
    email = forms.EmailField(label=gettext_lazy("Email"), required=False, widget=UnfoldAdminEmailInputWidget)
    password = forms.CharField(
        label=gettext_lazy("First password"),
        strip=False,
        help_text=gettext_lazy("Share it with the new member, who can change it after signing in."),
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Membership
        fields = ("role",)
        widgets = {"role": UnfoldAdminSelectWidget}

    def clean_username(self) -> str:
        """Reject a user name that a member of any tenant has: people sign in with it."""
        username = User.normalize_username(self.cleaned_data["username"])
        User._meta.get_field("username").run_validators(username)
        same = User.objects.filter(username__iexact=username)
        if same.exclude(self.FORMER).exists():
            raise ValidationError(_("This user name is taken. Choose another one."))
        self.former = same.filter(username=username).first() or same.first()
        return username

    def clean(self) -> dict[str, Any]:
        """Validate the password. Unlike other texts, it is not normalised."""
        password = self.cleaned_data.get("password")
        cleaned = super().clean()
        if password is not None:
            cleaned["password"] = password
        user = User(username=cleaned.get("username", ""), email=cleaned.get("email", ""))
        try:
            password_validation.validate_password(cleaned.get("password", ""), user)
        except ValidationError as error:
            self.add_error("password", error)
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Create the user with the membership. The admin calls this with ``commit=False`` and saves both later."""
        data = self.cleaned_data
        fresh = {"username": data["username"], "email": data["email"], "is_staff": True, "last_login": None}
        user = self.former or User()
        for name, value in (fresh | {"first_name": "", "last_name": ""}).items():
            setattr(user, name, value)
        user.set_password(data["password"])
        self.instance.user = user
        return super().save(commit)


@admin.register(Membership)
class MembershipAdmin(TenantModelAdmin):
    """Members of a tenant and their roles. Nobody can change or remove themselves."""

    needs_to_view = needs_to_change = "can_manage"
    list_display = ("who", "email", "role", "last_login")
    list_filter = ("role",)
    list_select_related = ("user",)
    search_fields = ("user__username__istartswith", "user__email__istartswith")
    search_help_text = gettext_lazy("Search by the beginning of a user name or email")
    ordering = ("user__username",)
    fields = ("who", "email", "role")
    readonly_fields = ("who", "email")
    actions = None

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a user's data when adding a member; when changing one, only for the role."""
        return super().get_fields(request, obj) if obj else ("username", "email", "password", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        if obj is None:
            return type("NewMemberForm", (NewMemberForm,), {"tenant": access_of(request).tenant})
        return super().get_form(request, obj, change, **options)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Save the user of a new member before the membership that refers to it."""
        with transaction.atomic():
            if not change:
                obj.user.save()
                obj.user_id = obj.user.pk
            super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._is_somebody_else(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._is_somebody_else(request, obj)

    def _is_somebody_else(self, request: HttpRequest, obj: Any) -> bool:
        """Members cannot change themselves, which could lock them out, nor a superuser."""
        if not isinstance(obj, Membership) or access_of(request).is_superuser:
            return True
        return obj.user_id != request.user.pk and not obj.user.is_superuser

    @display(description=gettext_lazy("User name"), ordering="user__username")
    def who(self, member: Membership) -> str:
        return member.user.get_username()

    @display(description=gettext_lazy("Email"))
    def email(self, member: Membership) -> str:
        return member.user.email

    @display(description=gettext_lazy("Last sign-in"), ordering="user__last_login")
    def last_login(self, member: Membership) -> Any:
        return member.user.last_login


class MembershipInline(StackedInline):
    """The tenant and role of a user, on the user's page."""

    model = Membership
    fields = ("tenant", "role")
    extra = 0
    max_num = 1
    tab = False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Call the tenant what staff call it."""
        return super().formfield_for_foreignkey(db_field, request, **{"label": _("Account"), **options})

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).is_superuser

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


@admin.register(User)
class UserAdmin(DjangoUserAdmin, BoundedAdmin):
    """All users, for superusers. Permissions come from the role, so groups and single permissions are not shown."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_superuser", "is_active")
    search_fields = ("username", "email")
    filter_horizontal = ()
    inlines = (MembershipInline,)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (gettext_lazy("Person"), {"fields": ("first_name", "last_name", "email")}),
        (gettext_lazy("Access"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return access_of(request).is_superuser

    has_add_permission = has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Superusers only, and not their own account."""
        return access_of(request).is_superuser and (obj is None or obj.pk != request.user.pk)
